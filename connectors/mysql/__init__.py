"""MySQL and MariaDB: servers as source and target."""
