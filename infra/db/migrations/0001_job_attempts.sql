ALTER TABLE "jobs" ALTER COLUMN "trained_tokens" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "validation_dataset_id" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "result_files" jsonb DEFAULT '[]'::jsonb NOT NULL;