-- Every audit record is digested over itself and the one before it, from the first on without a gap (DESIGN §3.8).
SELECT a.audit_id, a.action, a.subject
FROM (SELECT r, r.audit_id, r.action, r.subject, r.digest, r.previous_digest,
             lag(r.audit_id, 1, 0::bigint) OVER (ORDER BY r.audit_id) AS audit_id_before,
             lag(r.digest, 1, '') OVER (ORDER BY r.audit_id) AS digest_before
      FROM audit_record r) a
WHERE a.audit_id <> a.audit_id_before + 1 OR a.previous_digest <> a.digest_before OR a.digest <> audit_digest(a.r);
