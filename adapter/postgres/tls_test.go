package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Waits on a connection end by a deadline, which TLS has to survive.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	pg := startPostgres(t, "ssl=on", "ssl_cert_file="+certificate, "ssl_key_file="+key)
	pg.URL = strings.Replace(pg.URL, "sslmode=disable", "sslmode=require", 1)
	testOrder(t, pg)
	testResubscribe(t, pg)
	if n := strings.TrimSpace(pg.Do("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name LIKE 'socketio%'")); n == "0" {
		t.Error("no connection uses TLS")
	}
}

// selfSigned returns the files of a certificate and its key, which belong to the
// user of PostgreSQL.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "tls") // t.TempDir is in a folder that only root may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, key = write("cert.pem", "CERTIFICATE", public), write("key.pem", "PRIVATE KEY", secret)
	if postgres, err := user.Lookup("postgres"); err == nil && os.Getuid() == 0 {
		uid, _ := strconv.Atoi(postgres.Uid)
		gid, _ := strconv.Atoi(postgres.Gid)
		for _, path := range []string{folder, certificate, key} {
			if err := os.Chown(path, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
	}
	return certificate, key
}
