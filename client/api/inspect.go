package api

import (
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Paths of inspections and of the orders to platforms that follow them.
const (
	PathInspections = "/v1/inspections"
	PathInspection  = "/v1/inspections/{id}"
	PathDelistings  = "/v1/delistings"
	PathDelisting   = "/v1/delistings/{id}"
)

// An Inspection is a sampled lot and what a test of it found.
type Inspection struct {
	ID        tx.ID          `json:"id" doc:"of the inspect.task"`
	Seq       uint64         `json:"seq"`
	State     row.State      `json:"state"`
	Since     int64          `json:"since" doc:"height of the last change"`
	Head      tx.ID          `json:"head" doc:"what the next statement continues"`
	Member    tx.MemberID    `json:"member" doc:"the regulator"`
	Lab       tx.MemberID    `json:"lab"`
	Product   tx.ProductCode `json:"product"`
	Reason    string         `json:"reason" enum:"routine,special,complaint,follow_up,emergency"`
	Unit      tx.UnitCode    `json:"unit,omitempty" doc:"of which the sample is; absent while there is none"`
	UnitID    string         `json:"unit_id,omitempty"`
	Taken     string         `json:"taken,omitempty" doc:"day of the sampling"`
	Maker     tx.MemberID    `json:"maker,omitempty"`
	Holder    tx.MemberID    `json:"holder,omitempty" doc:"who had the unit then"`
	Parties   []tx.MemberID  `json:"parties,omitempty" doc:"who may still ask for a retest"`
	RetestBy  string         `json:"retest_by,omitempty" doc:"last day for asking"`
	RetestLab tx.MemberID    `json:"retest_lab,omitempty"`
	Report    *TestReport    `json:"report,omitempty" doc:"that counts"`
	Recall    string         `json:"recall,omitempty" doc:"id of the recall that answers it"`
	AsOf      int64          `json:"as_of"`
}

// A TestReport is what a laboratory and the regulator signed.
type TestReport struct {
	ID       tx.ID        `json:"id"`
	Kind     tx.Kind      `json:"kind"`
	Passes   bool         `json:"passes"`
	Lab      tx.MemberID  `json:"lab"`
	Document tx.Digest    `json:"document_sha256"`
	Items    int64        `json:"items" doc:"how many were tested"`
	Standard string       `json:"standard"`
	Tested   string       `json:"tested" doc:"day"`
	Failed   []FailedItem `json:"failed,omitempty"`
}

// A FailedItem is what did not pass, as the report writes it.
type FailedItem struct {
	NameZH string `json:"name_zh"`
	NameEN string `json:"name_en"`
	Found  string `json:"found"`
	Limit  string `json:"limit"`
	Unit   string `json:"unit,omitempty"`
}

// A Delisting is an order to a platform.
type Delisting struct {
	ID         tx.ID       `json:"id"`
	Seq        uint64      `json:"seq"`
	State      row.State   `json:"state"`
	Since      int64       `json:"since"`
	Head       tx.ID       `json:"head"`
	Member     tx.MemberID `json:"member" doc:"the regulator"`
	Platform   tx.MemberID `json:"platform"`
	Inspection tx.ID       `json:"inspection"`
	Document   tx.Digest   `json:"document_sha256"`
	AsOf       int64       `json:"as_of"`
}

// An InspectionQuery selects inspections, or orders to platforms. Conditions that
// are set must all hold.
type InspectionQuery struct {
	State  row.State   // "": any
	Member tx.MemberID // who has a part in it; "": any
	Unit   tx.UnitCode // of inspections: that was sampled; "": any
	Limit  int
	Cursor string
}

// InspectionURL is the path of an inspection.
func InspectionURL(id tx.ID) string { return PathInspections + "/" + id.String() }

// DelistingURL is the path of an order to a platform.
func DelistingURL(id tx.ID) string { return PathDelistings + "/" + id.String() }
