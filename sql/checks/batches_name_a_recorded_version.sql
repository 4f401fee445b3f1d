-- Every batch was rated with a version of the truth that is on record.
SELECT b.batch_id, b.config_version
FROM batch b LEFT JOIN config_change c ON c.version = b.config_version WHERE c.version IS NULL;
