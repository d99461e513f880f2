ALTER TABLE "jobs" ADD COLUMN "stalls" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "state_key" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "state_step" integer;