module zhenglian

go 1.26.0
