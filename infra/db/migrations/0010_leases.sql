ALTER TABLE "base_models" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "base_models" ADD COLUMN "lease_until" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "status" text DEFAULT 'processed' NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "lease_until" timestamp (6) with time zone;--> statement-breakpoint
CREATE INDEX "jobs_in_line" ON "jobs" USING btree ("created_at") WHERE "jobs"."status" in ('validating_files', 'queued', 'running');--> statement-breakpoint
DROP SCHEMA IF EXISTS "pgboss" CASCADE;