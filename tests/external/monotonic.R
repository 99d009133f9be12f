# Reference result of brms for a monotonic ordinal moderator of one simulated data set.
#
#   Rscript tests/external/monotonic.R
#
# Rewrites tests/external/data/ordinal_moderator.csv and tests/external/monotonic.json.
# Set REFERENCE_OUT to write to another folder (to compare without overwriting).

suppressPackageStartupMessages({
  library(brms)
  library(posterior)
  library(jsonlite)
})

RNGkind("Mersenne-Twister", "Inversion", "Rejection")

SEED_DATA <- 4000L
SEED_STAN <- 1L
CHAINS <- 4L
WARMUP <- 2000L
DRAWS <- 4000L
ADAPT_DELTA <- 0.95
GH_NODES <- 61L
PROBS <- c(0.025, 0.5, 0.975)

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- if (length(script) == 1L) dirname(normalizePath(script)) else getwd()
out_dir <- Sys.getenv("REFERENCE_OUT", here)
dir.create(file.path(out_dir, "data"), showWarnings = FALSE, recursive = TRUE)
if (!dir.exists(system.file("include", "boost", package = "BH")) &&
    dir.exists("/usr/include/boost")) {
  rstan::rstan_options(boost_lib = "/usr/include")
}

# 30 studies of one arm each. No study has the second level: its step is the prior's to share.
LEVELS <- c("none", "superficial", "moderate", "significant", "extreme")
set.seed(SEED_DATA)
level <- rep(c(0L, 2L, 3L, 4L), times = c(9, 9, 7, 5))
effect <- c(0, 0.2, 0.5, 1.4, 1.6)
n <- as.integer(round(exp(runif(30, log(12), log(150)))))
k <- rbinom(30, n, plogis(rnorm(30, -1.5 + effect[level + 1], 0.7)))
d <- data.frame(study_id = sprintf("S%02d", 1:30), arm_id = sprintf("S%02d_A1", 1:30),
                shift_type = LEVELS[level + 1], n_at_risk = n, n_goal_failure = k)
path <- file.path(out_dir, "data", "ordinal_moderator.csv")
write.csv(d, path, row.names = FALSE, quote = FALSE)
d <- read.csv(path, stringsAsFactors = FALSE)
# An integer, not a factor: brms drops the levels of a factor that no row has.
d$shift <- match(d$shift_type, LEVELS) - 1L

# brms's slope is the average step, a quarter of the total effect of four steps.
fit <- brm(
  n_goal_failure | trials(n_at_risk) ~ mo(shift) + (1 | study_id), data = d,
  family = binomial(),
  prior = c(set_prior("normal(0, 1.5)", class = "Intercept"),
            set_prior("normal(0, 1)", class = "sd"),
            set_prior("normal(0, 0.25)", class = "b", coef = "moshift"),
            set_prior("dirichlet(2)", class = "simo", coef = "moshift1")),
  chains = CHAINS, iter = WARMUP + DRAWS, warmup = WARMUP, seed = SEED_STAN, cores = 2,
  control = list(adapt_delta = ADAPT_DELTA), refresh = 0)

summarise <- function(x) {
  q <- quantile(as.vector(x), PROBS, names = FALSE)
  mq <- unname(posterior::mcse_quantile(x, probs = PROBS))
  c(list(mean = mean(x), sd = sd(as.vector(x))),
    setNames(as.list(q), c("q2.5", "q50", "q97.5")),
    list(ess_bulk = posterior::ess_bulk(x), ess_tail = posterior::ess_tail(x),
         rhat = posterior::rhat(x),
         mcse_mean = posterior::mcse_mean(x), mcse_sd = posterior::mcse_sd(x)),
    setNames(as.list(mq), paste0("mcse_", c("q2.5", "q50", "q97.5"))))
}

# Gauss-Hermite rule for E[f(Z)], Z ~ Normal(0, 1) (Golub and Welsch).
j <- matrix(0, GH_NODES, GH_NODES)
i <- seq_len(GH_NODES - 1)
j[cbind(i, i + 1)] <- j[cbind(i + 1, i)] <- sqrt(i)
e <- eigen(j, symmetric = TRUE)
average <- function(mu, tau) {
  total <- mu * 0
  for (node in seq_len(GH_NODES))
    total <- total + e$vectors[1, node]^2 * plogis(mu + tau * e$values[node])
  total
}

draws <- as_draws_array(fit)
get <- function(v) { x <- draws[, , v]; matrix(as.vector(x), dim(x)[1], dim(x)[2]) }
mu <- get("b_Intercept"); tau <- get("sd_study_id__Intercept")
total <- 4 * get("bsp_moshift")
step <- lapply(1:4, function(s) get(sprintf("simo_moshift1[%d]", s)))
location <- list(mu)
for (s in 1:4) location[[s + 1]] <- location[[s]] + total * step[[s]]
rate <- lapply(location, average, tau = tau)
estimates <- list(mu = summarise(mu), tau = summarise(tau), total = summarise(total))
for (s in 1:4) estimates[[paste0("step_", s)]] <- summarise(step[[s]])
for (s in 1:5) {
  estimates[[paste0("rate_mean_", LEVELS[s])]] <- summarise(rate[[s]])
  if (s > 1) {
    estimates[[paste0("risk_ratio_", LEVELS[s])]] <- summarise(rate[[s]] / rate[[1]])
    estimates[[paste0("risk_difference_", LEVELS[s])]] <- summarise(rate[[s]] - rate[[1]])
    estimates[[paste0("share_above_0.5_", LEVELS[s])]] <- summarise(pnorm(location[[s]] / tau))
  }
}
divergent <- rstan::get_num_divergent(fit$fit)
stopifnot(divergent == 0, all(sapply(estimates, function(x) x$rhat) < 1.01))

write_json(
  list(call = "brm(k | trials(n) ~ mo(shift) + (1 | study_id), family = binomial())",
       data = list(file = "data/ordinal_moderator.csv", md5 = unname(tools::md5sum(path)),
                   seed = SEED_DATA, effects = effect),
       priors = list(mu = "Normal(0, 1.5)", tau = "half-Normal(0, 1)",
                     total = "Normal(0, 1)", simplex = "Dirichlet(2)"),
       settings = list(chains = CHAINS, warmup = WARMUP, draws_per_chain = DRAWS,
                       adapt_delta = ADAPT_DELTA, seed = SEED_STAN),
       diagnostics = list(divergences = divergent),
       versions = list(R = as.character(getRversion()),
                       brms = as.character(packageVersion("brms")),
                       rstan = as.character(packageVersion("rstan")),
                       posterior = as.character(packageVersion("posterior"))),
       estimates = estimates),
  file.path(out_dir, "monotonic.json"), auto_unbox = TRUE, digits = 10, pretty = TRUE)
