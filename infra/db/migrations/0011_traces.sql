ALTER TABLE "adapters" ADD COLUMN "trace" text;--> statement-breakpoint
ALTER TABLE "datasets" ADD COLUMN "trace" text;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "trace" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "trace" text;