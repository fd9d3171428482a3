package api

import (
	"time"

	"zhenglian/app/tx"
)

// Paths of the store of files, for those with the scope store.
const (
	PathCustody     = "/v1/custody"
	PathStored      = "/v1/store/blobs/{sha256}"
	PathStoredClass = "/v1/store/blobs/{sha256}/class"
	PathStoredHolds = "/v1/store/blobs/{sha256}/holds"
	PathStoredHold  = "/v1/store/blobs/{sha256}/holds/{id}"
)

// StoredURL is the path of what is known about a stored file.
func StoredURL(sha256 tx.Digest) string { return "/v1/store/blobs/" + sha256.String() }

// MediaCustody is the media type of lines of the custody log: package client/custody.
const MediaCustody = "application/jsonl"

// MaxCustody is how many lines GET /v1/custody answers at most.
const MaxCustody = 10_000

// Stored says how long a file is kept.
type Stored struct {
	SHA256 tx.Digest  `json:"sha256"`
	Bytes  int64      `json:"bytes"`
	Class  string     `json:"class" doc:"retention class"`
	Until  *time.Time `json:"until,omitempty" doc:"from then on it may be deleted; absent: never"`
	Holds  []Hold     `json:"holds" doc:"legal holds; while there is one it is neither deleted nor erased"`
}

// A Hold forbids to delete or erase a file.
type Hold struct {
	ID  string  `json:"id"`
	Who string  `json:"who" doc:"id of the principal"`
	Why string  `json:"why"`
	At  tx.Time `json:"at"`
}

// A ClassRequest gives a file another retention class.
type ClassRequest struct {
	Class string `json:"class" minLength:"1" maxLength:"32"`
	Why   string `json:"why" minLength:"1" maxLength:"500"`
}

// A HoldRequest puts a legal hold on a file.
type HoldRequest struct {
	ID  string `json:"id" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"of the order, such as its number"`
	Why string `json:"why" minLength:"1" maxLength:"500"`
}
