package store

import (
	"context"
	"slices"
	"time"
)

// A memoryNews is news with the time of the transaction.
type memoryNews struct {
	News
	at time.Time
}

// noteNews adds news, and returns the number of the transaction.
func (s *memory) noteNews(facts []Fact) int64 {
	if len(facts) == 0 {
		return 0
	}
	now := time.Now()
	s.news = slices.DeleteFunc(s.news, func(n memoryNews) bool { return now.Sub(n.at) > NewsTime })
	s.newest++
	for _, f := range facts {
		s.news = append(s.news, memoryNews{News{s.newest, f}, now})
	}
	return s.newest
}

func (s *memory) News(ctx context.Context, after int64, limit int) (news []News, last int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	if after < 0 {
		return nil, s.newest, nil
	}
	for i := range s.news {
		n := &s.news[i]
		if len(news) >= limit && n.N > LastNews(news, after) {
			break
		}
		if n.N > after && n.Fact != (Fact{}) {
			news = append(news, n.News)
		}
	}
	return news, LastNews(news, after), nil
}

// forgetNews takes a user out of the news.
func (s *memory) forgetNews(user string) {
	for i := range s.news {
		if n := &s.news[i]; n.User == user || n.Blocked == user {
			n.Fact = Fact{}
		}
	}
}
