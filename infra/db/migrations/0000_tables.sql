CREATE TABLE "adapters" (
	"id" text PRIMARY KEY NOT NULL,
	"base" text NOT NULL,
	"job_id" text,
	"object_key" text NOT NULL,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "datasets" (
	"id" text PRIMARY KEY NOT NULL,
	"file_id" text NOT NULL,
	"status" text NOT NULL,
	"split" jsonb NOT NULL,
	"system_prompt" text,
	"counts" jsonb NOT NULL,
	"problems" jsonb NOT NULL,
	"problems_total" integer NOT NULL,
	"error" jsonb,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "files" (
	"id" text PRIMARY KEY NOT NULL,
	"filename" text NOT NULL,
	"purpose" text NOT NULL,
	"bytes" bigint NOT NULL,
	"sha256" text NOT NULL,
	"encoding" text,
	"object_key" text NOT NULL,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "job_checkpoints" (
	"id" text PRIMARY KEY NOT NULL,
	"job_id" text NOT NULL,
	"step_number" integer NOT NULL,
	"metrics" jsonb NOT NULL,
	"object_key" text NOT NULL,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "job_events" (
	"id" text PRIMARY KEY NOT NULL,
	"position" bigserial NOT NULL,
	"job_id" text NOT NULL,
	"level" text NOT NULL,
	"type" text NOT NULL,
	"message" text NOT NULL,
	"data" jsonb,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"status" text NOT NULL,
	"model" text NOT NULL,
	"training_file" text NOT NULL,
	"validation_file" text,
	"suffix" text,
	"seed" bigint NOT NULL,
	"hyperparameters" jsonb NOT NULL,
	"peft" jsonb NOT NULL,
	"training_args" jsonb NOT NULL,
	"metadata" jsonb,
	"dataset_id" text,
	"fine_tuned_model" text,
	"trained_tokens" integer,
	"dev_loss" jsonb,
	"error" jsonb,
	"created_at" timestamp (6) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (6) with time zone,
	"finished_at" timestamp (6) with time zone,
	"estimated_finish" timestamp (6) with time zone
);
--> statement-breakpoint
ALTER TABLE "job_checkpoints" ADD CONSTRAINT "job_checkpoints_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "job_events" ADD CONSTRAINT "job_events_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "datasets_by_age" ON "datasets" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "files_by_age" ON "files" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "job_checkpoints_by_step" ON "job_checkpoints" USING btree ("job_id","step_number");--> statement-breakpoint
CREATE INDEX "job_events_in_order" ON "job_events" USING btree ("job_id","position");--> statement-breakpoint
CREATE INDEX "jobs_by_age" ON "jobs" USING btree ("created_at");