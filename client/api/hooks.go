package api

import "zhenglian/app/tx"

// A HookRequest asks that events be sent to an address, by Standard Webhooks
// (https://www.standardwebhooks.com). Conditions are those of EventQuery.
type HookRequest struct {
	URL         string      `json:"url" format:"uri" maxLength:"2048" doc:"https; where the operator allows it, http"`
	Description string      `json:"description,omitempty" maxLength:"200"`
	Types       []string    `json:"types,omitempty" maxItems:"32" doc:"types of events, or what stands before their dot; none: all"`
	Kinds       []string    `json:"kinds,omitempty" maxItems:"32" doc:"kinds or families of statements; none: all"`
	Member      tx.MemberID `json:"member,omitempty" maxLength:"32"`
	List        string      `json:"list,omitempty" maxLength:"64"`
	Matter      *uint64     `json:"matter,omitempty" doc:"log entry that opened the matter"`
	After       *EventID    `json:"after,omitempty" doc:"HEIGHT.INDEX or HEIGHT after which to begin; absent: now; 0: the beginning of the chain"`
}

// Query is what the request asks for.
func (r *HookRequest) Query() EventQuery {
	return EventQuery{Types: r.Types, Kinds: r.Kinds, Member: r.Member, List: r.List, Matter: r.Matter}
}

// States of a hook.
const (
	HookActive   = "active"
	HookFailing  = "failing"  // the last delivery failed; it is tried again
	HookDisabled = "disabled" // it failed for too long, or the receiver said that it is gone
)

// A Hook is a subscription to events. Events are sent one after the other, in
// order, at least once each.
type Hook struct {
	ID          string      `json:"id"`
	Owner       string      `json:"owner" doc:"the principal who made it"`
	URL         string      `json:"url"`
	Description string      `json:"description,omitempty"`
	Types       []string    `json:"types,omitempty"`
	Kinds       []string    `json:"kinds,omitempty"`
	Member      tx.MemberID `json:"member,omitempty"`
	List        string      `json:"list,omitempty"`
	Matter      *uint64     `json:"matter,omitempty"`
	State       string      `json:"state" enum:"active,failing,disabled"`
	Reason      string      `json:"reason,omitempty" doc:"why it fails or was disabled"`
	Failures    int         `json:"failures,omitempty" doc:"since the last success"`
	Since       tx.Time     `json:"failing_since,omitempty"`
	Next        tx.Time     `json:"next_attempt,omitempty"`
	Delivered   EventID     `json:"delivered" doc:"everything up to this place was delivered, or is nothing that was asked for"`
	Created     tx.Time     `json:"created"`
	PublicKey   string      `json:"public_key" doc:"whpk_…: checks v1a signatures"`
}

// A HookSecret is a hook with what is shown once.
type HookSecret struct {
	Hook
	Secret string `json:"secret" doc:"whsec_…: checks v1 signatures; it cannot be had again"`
}

// A Delivery is one attempt to deliver an event.
type Delivery struct {
	N       int64   `json:"n" doc:"number in the log of the hook"`
	Message string  `json:"message" doc:"webhook-id: the same for every attempt of an event"`
	Event   EventID `json:"event"`
	Type    string  `json:"type"`
	Attempt int     `json:"attempt"`
	At      tx.Time `json:"at"`
	Status  int     `json:"status,omitempty" doc:"of the receiver's answer; absent: there was none"`
	Error   string  `json:"error,omitempty"`
	Millis  int64   `json:"millis"`
	OK      bool    `json:"ok"`
}

// A RedeliverRequest asks for one event again, or for all after a place.
type RedeliverRequest struct {
	Event *EventID `json:"event,omitempty" doc:"HEIGHT.INDEX: this one, beside what is due"`
	After *EventID `json:"after,omitempty" doc:"HEIGHT.INDEX or HEIGHT: go back there, and deliver everything since in order"`
}

// HookURL is the path of a hook.
func HookURL(id string) string { return PathHooks + "/" + id }
