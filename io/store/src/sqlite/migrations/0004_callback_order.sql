-- Callbacks of one call are delivered in order: the earlier ones of a call are looked for with each claim.
CREATE INDEX callbacks_call ON callbacks (call_sid, id);
