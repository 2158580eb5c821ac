// Package other has a type of the same name as one of the program's.
package other

type Item struct {
	Count int `json:"count"`
}
