package embedded

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"

	"go.etcd.io/etcd/client/pkg/v3/transport"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
)

// writeTLS writes c to files that etcd can read, under a path's prefix. A pool does not tell its certificates, but the
// chain that it vouches for does.
func writeTLS(info *transport.TLSInfo, path string, c *tls.Config, roots *x509.CertPool, verify bool) error {
	bad := func(format string, args ...any) error {
		return backend.Errorf(manager.ErrValue, "embedded: a TLS configuration "+format, args...)
	}
	if len(c.Certificates) == 0 {
		return bad("without a certificate")
	}
	own := c.Certificates[0]
	var chain []*x509.Certificate
	for _, raw := range own.Certificate {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return bad("with a bad certificate: %v", err)
		}
		chain = append(chain, cert)
	}
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		return bad("with a private key that cannot be stored: %v", err)
	}
	write := func(name, kind string, ders ...[]byte) (string, error) {
		var data []byte
		for _, der := range ders {
			data = append(data, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
		}
		return path + name, os.WriteFile(path+name, data, 0o600)
	}
	if info.CertFile, err = write("-cert.pem", "CERTIFICATE", own.Certificate...); err != nil {
		return err
	}
	if info.KeyFile, err = write("-key.pem", "PRIVATE KEY", key); err != nil {
		return err
	}
	info.ClientCertAuth = verify
	if roots == nil {
		if verify {
			return bad("that verifies, without the CA: set RootCAs for peers, ClientCAs for clients")
		}
		return nil
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	chains, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return bad("whose CA has not signed its own certificate: %v", err)
	}
	var cas [][]byte
	for _, ch := range chains {
		cas = append(cas, ch[len(ch)-1].Raw)
	}
	info.TrustedCAFile, err = write("-ca.pem", "CERTIFICATE", cas...)
	return err
}
