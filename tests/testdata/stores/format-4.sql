BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE audit (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	object TEXT NOT NULL, 
	details TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,'2026-11-25 12:40:57.076060','root','register','shop.orders@1','{"id": 1, "fingerprint": "7738b73082d6a6bb56fad7a8e40adddad7c10adcc6078ca9728ed97bec9ad80c"}');
INSERT INTO "audit" VALUES(2,'2026-11-25 12:40:57.084654','root','register','shop.orders@2','{"id": 2, "fingerprint": "7ffc1e417eaef7529d791d47ba8f2b1f46ecc7a29efad4c73f86d33124608bf6"}');
INSERT INTO "audit" VALUES(3,'2026-11-25 12:40:57.086824','root','mode','shop.orders','{"mode": "FULL", "levels": ["wire"], "policy": "confluent"}');
INSERT INTO "audit" VALUES(4,'2026-11-25 12:40:57.090571','root','delete','shop.orders@1','{}');
INSERT INTO "audit" VALUES(5,'2026-11-25 14:23:33.030193','root','set-config','shop.orders','{"value": {"compatibility": "FULL"}}');
CREATE TABLE compatibility_modes (
	subject TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	levels TEXT NOT NULL, 
	policy TEXT, 
	PRIMARY KEY (subject)
);
INSERT INTO "compatibility_modes" VALUES('shop.orders','FULL','wire','confluent');
CREATE TABLE schema_contents (
	content_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	fingerprint TEXT NOT NULL, 
	guid TEXT NOT NULL, 
	type TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT schema_contents_fingerprint UNIQUE (fingerprint), 
	CONSTRAINT schema_contents_guid UNIQUE (guid)
);
INSERT INTO "schema_contents" VALUES(1,'7738b73082d6a6bb56fad7a8e40adddad7c10adcc6078ca9728ed97bec9ad80c','2b62e234-124d-5b6c-899b-5d108f1b8ead','PROTOBUF','2026-11-25 12:40:57.074809');
INSERT INTO "schema_contents" VALUES(2,'7ffc1e417eaef7529d791d47ba8f2b1f46ecc7a29efad4c73f86d33124608bf6','0d93b739-0ea0-55f7-a701-d84b5dbc2c1f','PROTOBUF','2026-11-25 12:40:57.084241');
CREATE TABLE schema_engine_tables (
	schema_id TEXT NOT NULL, 
	engine TEXT NOT NULL, 
	table_created BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	layout TEXT NOT NULL, 
	created_at DATETIME NOT NULL, intent TEXT, 
	PRIMARY KEY (schema_id, engine), 
	FOREIGN KEY(schema_id) REFERENCES schemas (schema_id)
);
CREATE TABLE schema_fields (
	schema_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	type TEXT NOT NULL, 
	description TEXT, 
	tags TEXT, 
	PRIMARY KEY (schema_id, position), 
	FOREIGN KEY(schema_id) REFERENCES schemas (schema_id)
);
INSERT INTO "schema_fields" VALUES('shop.orders',0,'id','STRING',NULL,NULL);
INSERT INTO "schema_fields" VALUES('shop.orders',1,'cents','INTEGER',NULL,NULL);
CREATE TABLE schema_files (
	version_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (version_id, path), 
	FOREIGN KEY(version_id) REFERENCES schema_versions (version_id)
);
INSERT INTO "schema_files" VALUES('shop.orders@1','schema.proto',X'73796E746178203D202270726F746F33223B207061636B6167652073686F703B206D657373616765204F72646572207B20737472696E67206964203D20313B207D');
INSERT INTO "schema_files" VALUES('shop.orders@2','schema.proto',X'73796E746178203D202270726F746F33223B207061636B6167652073686F703B206D657373616765204F72646572207B20737472696E67206964203D20313B20696E7436342063656E7473203D20323B207D');
CREATE TABLE schema_labels (
	schema_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (schema_id, "key"), 
	FOREIGN KEY(schema_id) REFERENCES schemas (schema_id)
);
CREATE TABLE schema_references (
	version_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (version_id, name), 
	FOREIGN KEY(version_id) REFERENCES schema_versions (version_id)
);
CREATE TABLE schema_versions (
	version_id TEXT NOT NULL, 
	schema_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	version_hash TEXT NOT NULL, 
	proto_content TEXT, 
	schema_json TEXT NOT NULL, 
	message TEXT, 
	descriptors BLOB, 
	roots TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	content_id INTEGER NOT NULL, 
	deleted_at DATETIME, metadata TEXT, rule_set TEXT, 
	PRIMARY KEY (version_id), 
	UNIQUE (schema_id, version), 
	FOREIGN KEY(schema_id) REFERENCES schemas (schema_id), 
	FOREIGN KEY(content_id) REFERENCES schema_contents (content_id)
);
INSERT INTO "schema_versions" VALUES('shop.orders@1','shop.orders',1,'orders_b25b25e0dd5c','b25b25e0dd5c154a6645987cf7215249893a159b438c7e86cc0bdb30bcd2fab0','syntax = "proto3"; package shop; message Order { string id = 1; }','[{"name": "id", "type": "STRING", "mode": "NULLABLE"}]','shop.Order',X'0AA0010A0C736368656D612E70726F746F120473686F7022170A054F72646572120E0A026964180120012809520269644A690A0512030000410A080A010C12030000120A080A010212030013200A090A02040012030021410A0A0A03040001120300292E0A0B0A0404000200120300313F0A0C0A05040002000512030031370A0C0A050400020001120300383A0A0C0A0504000200031203003D3E620670726F746F33','["schema.proto"]','2026-11-25 12:40:57.075235',1,'2026-11-25 12:40:57.089048',NULL,NULL);
INSERT INTO "schema_versions" VALUES('shop.orders@2','shop.orders',2,'orders_69b91360cf91','69b91360cf918790e68966160f16851375053da05557df2ee6ba1b2a838de5f1','syntax = "proto3"; package shop; message Order { string id = 1; int64 cents = 2; }','[{"name": "id", "type": "STRING", "mode": "NULLABLE"}, {"name": "cents", "type": "INTEGER", "mode": "NULLABLE"}]','shop.Order',X'0AEE010A0C736368656D612E70726F746F120473686F70222D0A054F72646572120E0A0269641801200128095202696412140A0563656E7473180220012803520563656E74734AA0010A0512030000520A080A010C12030000120A080A010212030013200A090A02040012030021520A0A0A03040001120300292E0A0B0A0404000200120300313F0A0C0A05040002000512030031370A0C0A050400020001120300383A0A0C0A0504000200031203003D3E0A0B0A040400020112030040500A0C0A05040002010512030040450A0C0A050400020101120300464B0A0C0A0504000201031203004E4F620670726F746F33','["schema.proto"]','2026-11-25 12:40:57.084355',2,NULL,NULL,NULL);
CREATE TABLE schemas (
	schema_id TEXT NOT NULL, 
	table_name TEXT NOT NULL, 
	database_name TEXT NOT NULL, 
	current_version_hash TEXT NOT NULL, 
	latest_version INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_updated DATETIME NOT NULL, 
	description TEXT, 
	last_version INTEGER NOT NULL, 
	PRIMARY KEY (schema_id)
);
INSERT INTO "schemas" VALUES('shop.orders','orders','shop','69b91360cf918790e68966160f16851375053da05557df2ee6ba1b2a838de5f1',2,'2026-11-25 12:40:57.074199','2026-11-25 12:40:57.089738','All orders.',2);
CREATE TABLE scope_settings (
	kind TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (kind, scope)
);
INSERT INTO "scope_settings" VALUES('config','shop.orders','{"compatibility": "FULL"}');
CREATE TABLE version_waivers (
	version_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	rule TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	who TEXT NOT NULL, 
	PRIMARY KEY (version_id, position), 
	FOREIGN KEY(version_id) REFERENCES schema_versions (version_id)
);
CREATE INDEX audit_object ON audit (object, sequence);
CREATE INDEX schema_versions_content ON schema_versions (content_id);
CREATE INDEX schema_versions_name ON schema_versions (name);
CREATE UNIQUE INDEX schema_versions_live_content ON schema_versions (schema_id, content_id) WHERE deleted_at IS NULL;
CREATE INDEX schema_labels_key ON schema_labels ("key", value);
CREATE INDEX schema_references_target ON schema_references (subject, version);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('schema_contents',2);
INSERT INTO "sqlite_sequence" VALUES('audit',5);
COMMIT;
PRAGMA user_version = 4;
