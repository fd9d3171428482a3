package genesis

import (
	"fmt"

	"zhenglian/app/tx"
)

// A DemoKey is one key of the example consortium.
type DemoKey struct {
	Name   string // of the key file
	Member tx.MemberID
	Roles  []string
	Type   tx.KeyType
}

// DemoKeys are the keys of the example consortium: officers of a regulator and
// of its partner cities, a platform's service, a court's clerk, a notary, a village
// station, a food processor and two laboratories, and two admins of each member. One signs with SM2 and one with ML-DSA-65, so
// that every scheme is in use.
func DemoKeys() []DemoKey {
	keys := []DemoKey{
		{"officer1", "hangzhou-amr", []string{"officer"}, tx.Secp256k1},
		{"officer2", "hangzhou-amr", []string{"officer"}, tx.Secp256k1},
		{"city", "xianyang-amr", []string{"officer"}, tx.Secp256k1},
		{"city2", "xianyang-amr", []string{"officer"}, tx.SM2},
		{"changsha", "changsha-amr", []string{"officer"}, tx.Secp256k1},
		{"qijiang", "qijiang-amr", []string{"officer"}, tx.Secp256k1},
		{"platform", "platform-a", []string{"officer", "system"}, tx.Secp256k1},
		{"court", "internet-court", []string{"officer"}, tx.Secp256k1},
		{"notary", "notary-office", []string{"officer"}, tx.MLDSA65},
		{"station", "qijiang-station", []string{"officer", "system"}, tx.Secp256k1},
		{"processor", "qijiang-foods", []string{"officer", "system"}, tx.Secp256k1},
		{"lab", "test-institute", []string{"officer"}, tx.Secp256k1},
		{"lab2", "retest-institute", []string{"officer"}, tx.Secp256k1},
		{"admin1", "hangzhou-amr", []string{"admin"}, tx.Secp256k1},
		{"admin2", "hangzhou-amr", []string{"admin"}, tx.Secp256k1},
	}
	for _, k := range keys[2:13] {
		if k.Name != "city2" {
			for _, n := range []string{"-admin1", "-admin2"} {
				keys = append(keys, DemoKey{k.Name + n, k.Member, []string{"admin"}, tx.Secp256k1})
			}
		}
	}
	return keys
}

// DemoMembers are the members of the example consortium. The four cities are
// those of the article the project comes from; the platform is invented.
func DemoMembers() []Member {
	return []Member{
		{ID: "changsha-amr", NameZH: "长沙市市场监督管理局", NameEN: "Changsha Administration for Market Regulation", Roles: []string{"partner-city", "regulator"}, Division: "430100"},
		{ID: "hangzhou-amr", NameZH: "杭州市市场监督管理局", NameEN: "Hangzhou Administration for Market Regulation", Roles: []string{"regulator"}, Division: "330100"},
		{ID: "internet-court", NameZH: "互联网法院（示例）", NameEN: "Internet Court (example)", Roles: []string{"court"}},
		{ID: "notary-office", NameZH: "公证处（示例）", NameEN: "Notary Office (example)", Roles: []string{"notary"}},
		{ID: "platform-a", NameZH: "电商平台甲（示例）", NameEN: "Platform A (example)", Roles: []string{"platform"}},
		{ID: "qijiang-amr", NameZH: "重庆市綦江区市场监督管理局", NameEN: "Qijiang District Administration for Market Regulation", Roles: []string{"partner-city", "regulator"}, Division: "500110"},
		{ID: "qijiang-foods", NameZH: "綦江食品加工厂（示例）", NameEN: "Qijiang Foods (example)", Roles: []string{"producer"}, Division: "500110"},
		{ID: "qijiang-station", NameZH: "綦江村级农产品服务站（示例）", NameEN: "Village Station in Qijiang (example)", Roles: []string{"producer"}, Division: "500110"},
		{ID: "retest-institute", NameZH: "复检机构（示例）", NameEN: "Retest Institute (example)", Roles: []string{"lab"}},
		{ID: "test-institute", NameZH: "检验机构（示例）", NameEN: "Test Institute (example)", Roles: []string{"lab"}},
		{ID: "xianyang-amr", NameZH: "咸阳市市场监督管理局", NameEN: "Xianyang Administration for Market Regulation", Roles: []string{"partner-city", "regulator"}, Division: "610400"},
	}
}

// Demo returns the genesis state of the example consortium, with the public
// keys that key gives for the names of DemoKeys.
func Demo(key func(DemoKey) (tx.PublicKey, error)) (*State, error) {
	s := &State{Params: DefaultParams(), Members: DemoMembers(), Policies: DefaultPolicies(), RuleSets: DefaultRuleSets(), Calendars: DefaultCalendars()}
	for _, d := range DemoKeys() {
		k, err := key(d)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", d.Name, err)
		}
		s.Accounts = append(s.Accounts, NewAccount(d.Member, k, d.Roles...))
	}
	s.Sort()
	return s, s.Validate()
}
