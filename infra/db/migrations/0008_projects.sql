CREATE TABLE "api_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"prefix" text NOT NULL,
	"scopes" jsonb NOT NULL,
	"requests_per_minute" integer,
	"concurrent_requests" integer,
	"last_used_at" timestamp (6) with time zone,
	"expires_at" timestamp (6) with time zone,
	"revoked_at" timestamp (6) with time zone,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"id" text PRIMARY KEY NOT NULL,
	"project_id" text NOT NULL,
	"key_id" text,
	"method" text NOT NULL,
	"route" text NOT NULL,
	"subject" text,
	"status" integer NOT NULL,
	"request_id" text NOT NULL,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "projects" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"archived_at" timestamp (6) with time zone,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
-- The project there is from the start, which gets all that is there already.
INSERT INTO "projects" ("id", "name") VALUES ('proj_default', 'default');--> statement-breakpoint
CREATE TABLE "rate_limits" (
	"key" text PRIMARY KEY NOT NULL,
	"points" integer NOT NULL,
	"expire" timestamp (6) with time zone
);
--> statement-breakpoint
DROP INDEX "adapters_by_age";--> statement-breakpoint
DROP INDEX "datasets_by_age";--> statement-breakpoint
DROP INDEX "files_by_age";--> statement-breakpoint
DROP INDEX "jobs_by_age";--> statement-breakpoint
DROP INDEX "webhook_endpoints_by_age";--> statement-breakpoint
ALTER TABLE "adapters" ADD COLUMN "project_id" text DEFAULT 'proj_default' NOT NULL;--> statement-breakpoint
ALTER TABLE "adapters" ALTER COLUMN "project_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "datasets" ADD COLUMN "project_id" text DEFAULT 'proj_default' NOT NULL;--> statement-breakpoint
ALTER TABLE "datasets" ALTER COLUMN "project_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "project_id" text DEFAULT 'proj_default' NOT NULL;--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "project_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "project_id" text DEFAULT 'proj_default' NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ALTER COLUMN "project_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "project_id" text DEFAULT 'proj_default' NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ALTER COLUMN "project_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "project_id" text DEFAULT 'proj_default' NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_events" ALTER COLUMN "project_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_by_age" ON "api_keys" USING btree ("project_id","created_at");--> statement-breakpoint
CREATE INDEX "audit_log_by_age" ON "audit_log" USING btree ("project_id","created_at");--> statement-breakpoint
ALTER TABLE "adapters" ADD CONSTRAINT "adapters_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datasets" ADD CONSTRAINT "datasets_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD CONSTRAINT "webhook_events_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "adapters_by_age" ON "adapters" USING btree ("project_id","created_at");--> statement-breakpoint
CREATE INDEX "datasets_by_age" ON "datasets" USING btree ("project_id","created_at");--> statement-breakpoint
CREATE INDEX "files_by_age" ON "files" USING btree ("project_id","created_at");--> statement-breakpoint
CREATE INDEX "jobs_by_age" ON "jobs" USING btree ("project_id","created_at");--> statement-breakpoint
CREATE INDEX "webhook_endpoints_by_age" ON "webhook_endpoints" USING btree ("project_id","created_at");