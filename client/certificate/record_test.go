package certificate

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/client/bundle/bundletest"
	"zhenglian/client/paper"
)

// TestRecord prints the record of a bundle twice, and none of a changed one.
func TestRecord(t *testing.T) {
	k := bundletest.New(t, 1000)
	evb := k.Bytes(t)
	print := func(b []byte) ([]byte, error) {
		return Record(context.Background(), bytes.NewReader(b), int64(len(b)), k.Trust, theFont(t))
	}
	doc, err := print(evb)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := print(evb); err != nil || !bytes.Equal(doc, again) {
		t.Errorf("the same bundle makes another record (%v)", err)
	}
	text := strings.Join(strings.Fields(run(t, "pdftotext", "-layout", save(t, doc), "-")), "")
	for _, want := range []string{
		"电子数据提取笔录", "https://shop.example/item/1", "203.0.113.7", "示例店铺", "chromium_headless_cdp", "杭市监案字〔2026〕12号", "张三、李四",
		"系统环境检查", "提取与保管过程", "测试机构，没有证明力", "提取人：", "见证人：", "持有人（提供人）：", k.ID.String(),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not printed in\n%s", want, text)
		}
	}
	b, err := paper.Attached(doc)
	if err != nil {
		t.Fatal(err)
	}
	if r := receipt.Verify(b, k.Trust, receipt.Options{WantID: k.ID}); r.Verdict == receipt.NotVerified {
		t.Error(r.Text(receipt.EN))
	}
	evb[len(evb)/2] ^= 1
	if _, err := print(evb); !errors.Is(err, ErrNotVerified) {
		t.Errorf("a changed bundle: %v", err)
	}
}
