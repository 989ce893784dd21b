-- A schema with everything that MariaDB 10.11 lets one define. Statements end with a line of two slashes. {db} is the database.
CREATE SEQUENCE order_numbers START WITH 1000 INCREMENT BY 5 MINVALUE 10 MAXVALUE 100000 CACHE 10 CYCLE
//
CREATE SEQUENCE spent MINVALUE 1 MAXVALUE 3 NOCACHE NOCYCLE
//
CREATE TABLE countries (
  code char(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name varchar(80) NOT NULL COMMENT 'as people say it, "quoted", it''s; \\ and\na line',
  PRIMARY KEY (code)
) DEFAULT CHARSET=latin1 COLLATE=latin1_general_cs COMMENT='PARTITION BY (nothing), ENGINE=none'
//
CREATE TABLE customers (
  id bigint unsigned NOT NULL AUTO_INCREMENT,
  email varchar(190) NOT NULL,
  name varchar(100) DEFAULT 'nobody, (really)',
  nick varchar(20) CHARACTER SET latin1 COLLATE latin1_german2_ci DEFAULT 'ä`;--',
  country char(2) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  kind enum('a','b ''c''','d,e') NOT NULL DEFAULT 'a',
  flags set('x','y') DEFAULT 'x,y',
  balance decimal(12,2) NOT NULL DEFAULT 0.50 CHECK (balance > -100),
  doc json DEFAULT NULL,
  born date DEFAULT (curdate() - interval 20 year),
  mark uuid DEFAULT uuid(),
  bits bit(5) DEFAULT b'101',
  bin varbinary(40) DEFAULT x'00ff',
  full_name varchar(300) GENERATED ALWAYS AS (concat(name, ' <', email, '>')) STORED,
  shout varchar(100) GENERATED ALWAYS AS (ucase(name)) VIRTUAL,
  secret int INVISIBLE DEFAULT 7,
  number int DEFAULT nextval(order_numbers),
  made timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
  seen timestamp NULL,
  note text DEFAULT NULL,
  packed text COMPRESSED DEFAULT NULL,
  many int unsigned zerofill DEFAULT NULL,
  place point NOT NULL DEFAULT (ST_GeomFromText('POINT(1 2)')),
  `odd ``name, (x)` int DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY mail (email),
  UNIQUE KEY long_note (note) USING HASH,
  KEY by_name (name(10) DESC, born) COMMENT 'the first ten',
  KEY by_kind (kind, balance),
  KEY by_country (country),
  KEY by_shout (shout),
  KEY unused (born) IGNORED,
  FULLTEXT KEY words (name),
  SPATIAL KEY spots (place),
  CONSTRAINT sane CHECK (born > '1900-01-01' AND name <> ',)('),
  CONSTRAINT lives_in FOREIGN KEY (country) REFERENCES countries (code) ON DELETE SET NULL ON UPDATE CASCADE
) AUTO_INCREMENT=500 ROW_FORMAT=DYNAMIC COMMENT='people'
//
CREATE TABLE orders (
  customer bigint unsigned NOT NULL,
  line smallint NOT NULL,
  refers_to smallint DEFAULT NULL,
  at datetime(6) NOT NULL DEFAULT current_timestamp(6),
  total double DEFAULT -1.5e10,
  PRIMARY KEY (customer, line),
  KEY by_time (at),
  KEY self (customer, refers_to),
  CONSTRAINT bought_by FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE,
  CONSTRAINT follows FOREIGN KEY (customer, refers_to) REFERENCES orders (customer, line)
)
//
CREATE TABLE tickets (
  number int NOT NULL AUTO_INCREMENT,
  word varchar(30) NOT NULL,
  PRIMARY KEY (word),
  KEY counts (number, word),
  KEY more (word(3), number)
)
//
CREATE TABLE log (
  id int NOT NULL,
  day date NOT NULL,
  what varchar(20) DEFAULT NULL,
  PRIMARY KEY (id, day),
  KEY by_what (what)
) PARTITION BY RANGE (to_days(day)) (
  PARTITION p0 VALUES LESS THAN (738000),
  PARTITION p1 VALUES LESS THAN MAXVALUE)
//
CREATE TABLE spread (id int NOT NULL PRIMARY KEY, what int) PARTITION BY HASH (id) PARTITIONS 3
//
CREATE TABLE history (id int PRIMARY KEY, what varchar(10)) WITH SYSTEM VERSIONING
//
CREATE TABLE old_engine (id int NOT NULL AUTO_INCREMENT, what varchar(20), PRIMARY KEY (id), KEY w (what)) ENGINE=MyISAM ROW_FORMAT=FIXED
//
CREATE TABLE `{db}` (`{db}` int PRIMARY KEY, a int)
//
CREATE VIEW zero_customers AS SELECT id, email FROM customers WHERE balance = 0 AND name <> 'x''y'
//
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW a_zero AS SELECT z.id, o.at FROM zero_customers z JOIN orders o ON o.customer = z.id WITH CASCADED CHECK OPTION
//
CREATE VIEW named_so (one, `two.three`) AS SELECT `{db}`.a, count(*) FROM `{db}` GROUP BY `{db}`.a
//
CREATE VIEW numbers AS WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT n.x, c.name FROM n LEFT JOIN countries c ON c.code = n.x
//
CREATE TRIGGER first_one BEFORE INSERT ON tickets FOR EACH ROW SET NEW.word = concat(NEW.word, '1')
//
CREATE TRIGGER third BEFORE INSERT ON tickets FOR EACH ROW SET NEW.word = concat(NEW.word, '3')
//
CREATE TRIGGER second BEFORE INSERT ON tickets FOR EACH ROW FOLLOWS first_one BEGIN /* FOR EACH ROW */ SET NEW.word = concat(NEW.word, "2"); END
//
CREATE TRIGGER after_all AFTER INSERT ON tickets FOR EACH ROW SET @seen = NEW.number
//
CREATE TRIGGER gone AFTER DELETE ON tickets FOR EACH ROW SET @gone = OLD.number
//
CREATE PROCEDURE tidy() DELETE FROM log
//
CREATE FUNCTION tax(amount decimal(10,2)) RETURNS decimal(10,2) DETERMINISTIC RETURN amount * 0.19
//
CREATE VIEW taxed AS SELECT tax(balance) AS t, nextval(order_numbers) AS n FROM customers
//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log
