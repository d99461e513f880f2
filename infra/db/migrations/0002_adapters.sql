ALTER TABLE "adapters" RENAME COLUMN "id" TO "model";--> statement-breakpoint
ALTER TABLE "adapters" DROP CONSTRAINT "adapters_pkey";--> statement-breakpoint
ALTER TABLE "adapters" ADD COLUMN "id" text;--> statement-breakpoint
UPDATE "adapters" SET "id" = 'adapter_' || left(md5("model"), 24);--> statement-breakpoint
ALTER TABLE "adapters" ADD PRIMARY KEY ("id");--> statement-breakpoint
ALTER TABLE "adapters" ADD CONSTRAINT "adapters_model_unique" UNIQUE("model");--> statement-breakpoint
ALTER TABLE "adapters" ADD COLUMN "peft_type" text NOT NULL DEFAULT 'PREFIX_TUNING';--> statement-breakpoint
ALTER TABLE "adapters" ALTER COLUMN "peft_type" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "adapters" ADD COLUMN "bytes" bigint;--> statement-breakpoint
CREATE INDEX "adapters_by_age" ON "adapters" USING btree ("created_at");
