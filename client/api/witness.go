package api

import (
	"encoding/json"

	"zhenglian/app/tx"
)

// Witnesses are those who cosign the log's checkpoints, and the gateway's own log key.
type Witnesses struct {
	LogKey    string    `json:"log_key" doc:"with which this gateway signs checkpoints, as a C2SP vkey; a witness must know it"`
	Witnesses []Witness `json:"witnesses"`
}

// A Witness is one that this gateway asks for cosignatures.
type Witness struct {
	Name    string  `json:"name"`
	Key     string  `json:"key" doc:"C2SP vkey"`
	URL     string  `json:"url"`
	LogSize uint64  `json:"log_size" doc:"of the last log that it cosigned for this gateway"`
	At      tx.Time `json:"at,omitzero" doc:"when that was"`
	Error   string  `json:"error,omitempty" doc:"why it did not cosign when it was asked last"`
}

// AlarmSplitView: the ledger, or somebody in its name, showed two different logs.
const AlarmSplitView = "split_view"

// An Alarm is something that must not be.
type Alarm struct {
	Kind      string          `json:"kind" enum:"split_view"`
	At        tx.Time         `json:"at"`
	Source    string          `json:"source" doc:"where the other log was seen"`
	LogSize   uint64          `json:"log_size" doc:"of this gateway's log"`
	LogRoot   tx.Digest       `json:"log_root"`
	OtherSize uint64          `json:"other_size" doc:"0: not known"`
	OtherRoot tx.Digest       `json:"other_root"`
	Detail    string          `json:"detail"`
	Name      string          `json:"name,omitempty" doc:"of the file of the proof"`
	Proof     json.RawMessage `json:"proof,omitempty" doc:"a document for zheng-verify; absent: the other log could not be had"`
}
