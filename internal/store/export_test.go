package store

import "context"

// Exec lets tests say in SQL what no method of Tx says. It is no method: the suite would ask for a case.
func Exec(ctx context.Context, tx Tx, statement string) error {
	_, err := tx.exec(ctx, statement)
	return err
}
