// Package captures takes web pages into evidence for officers who have only the page of
// a gateway.
//
// A capture is a job. It waits for its turn, runs in a process of its own (package
// capture, PageApart) within a bounded time, and is then there to be looked at:
//
//	WAITING → RUNNING → CAPTURED → CONFIRMED
//	                  ↘ FAILED      nothing could be captured at all
//	                  ↘ INTERRUPTED the gateway ended meanwhile
//
// Nothing is stated by capturing. Who confirms has the files kept and a statement
// drafted, which people sign with their own keys: the gateway has none. Who abandons has
// everything deleted, and what nobody confirms is deleted after a time.
//
// A job is a folder:
//
//	DIR/JOB/job.json       what is asked and what became of it, written whole or not at all
//	DIR/JOB/files/…        the artefacts, as package capture writes them
//	DIR/JOB/ID.seal.json   of each statement drafted: the salts, without which its fields
//	                       and files cannot be disclosed one by one
//
// After a restart, jobs that were waiting wait on, one that was running is INTERRUPTED,
// and what it left is removed. Of a confirmed job job.json and the seals stay; the
// files are with the gateway's others.
//
// A job is seen by who asked for it, and by those who act for the same member.
package captures
