"""Jobs: what is started (command line, spark-submit) and the rules of a job: settings, plans, runs, the control store."""
