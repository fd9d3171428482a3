package genesis

import (
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// DefaultListRule is the first version of a list's rule. Terms are those of
// 信用修复管理办法 (NDRC Order 36, in force from 2026-04-01): minor at most 3
// months, general 3 months to a year, serious 1 to 3 years. Consent is that of
// Order 44, which a draft of October 2025 would drop. Both
// are for the consortium to confirm or change: gov.list.
func DefaultListRule(l tx.List) row.ListRule {
	minor := tx.Term{Min: 0, Max: 3, Severity: tx.Minor}
	general := tx.Term{Min: 3, Max: 12, Severity: tx.General}
	serious := tx.Term{Min: 12, Max: 36, Severity: tx.Serious}
	switch l {
	case tx.SeriousDishonest:
		return row.ListRule{Consent: true, Laws: []string{"gbf_2020_49", "ndrc_36_2026", "samr_44_2021"}, Terms: []tx.Term{serious}}
	case tx.AbnormalOperation: // until it is put right, at most three years
		return row.ListRule{Laws: []string{"saic_68_2014", "scr_654_2014"}, Terms: []tx.Term{{Min: 0, Max: 36, Severity: tx.General}}}
	case tx.IndustryNotice:
		return row.ListRule{Laws: []string{"joint_meeting_rules"}, Terms: []tx.Term{minor, general}}
	}
	return row.ListRule{Laws: []string{"consortium_rules"}, Terms: []tx.Term{minor, general, serious}}
}
