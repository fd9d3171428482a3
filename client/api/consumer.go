package api

// Paths of what consumers report.
const (
	PathConsumerReports     = "/v1/reports/consumer"
	PathConsumerReportClose = "/v1/reports/consumer/{number}/close"
)

// A ConsumerReport is what a consumer said of goods through the page behind their
// code. Nobody has verified it.
type ConsumerReport struct {
	Number int64  `json:"number"`
	Code   string `json:"code" doc:"of the unit, as the consumer's page had it; it may not be on the ledger"`
	Reason string `json:"reason" enum:"copied_code,not_as_labelled,unsafe,recalled_on_sale,other"`
	Text   string `json:"text"`
	At     string `json:"at" format:"date-time"`
	Closed bool   `json:"closed" doc:"an officer has dealt with it"`
}
