-- Every configuration event that was applied or refused has one answer, which says what the event's own row says.
SELECT e.config_event_id, e.source, e.event_id, e.handled_as, r.outcome
FROM config_event e LEFT JOIN config_result r USING (event_key)
WHERE (r.outcome IS NOT NULL OR e.handled_as IN ('applied', 'unchanged', 'refused'))
  AND e.handled_as IS DISTINCT FROM r.outcome;
