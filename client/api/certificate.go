package api

import "zhenglian/app/tx"

// The certificate of a statement.
const (
	PathCertificate = "/v1/statements/{id}/certificate.pdf"
	MediaPDF        = "application/pdf"
)

// CertificateURL is the path of a statement's certificate.
func CertificateURL(id tx.ID) string { return "/v1/statements/" + id.String() + "/certificate.pdf" }
