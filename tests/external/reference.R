# Reference results from external tools (metafor, lme4, brms/Stan) for eleven
# simulated data sets of counts.
#
#   Rscript tests/external/reference.R
#
# Rewrites tests/external/data/*.csv and tests/external/reference.json.
# Set REFERENCE_OUT to write to another folder (to compare without overwriting).

suppressPackageStartupMessages({
  library(lme4)
  library(metafor)
  library(brms)
  library(posterior)
  library(jsonlite)
})

# ---------------------------------------------------------------- settings --

RNGkind("Mersenne-Twister", "Inversion", "Rejection")

SEED_DATA <- c(one_arm_per_study = 1000L, large_tau = 2000L, several_arms = 3000L,
               few_studies = 4000L, many_sparse = 5000L, mostly_zero = 6000L,
               several_arms_large_tau = 7000L, two_stages = 8000L, large_trials = 9000L,
               rare_unequal = 10000L, mostly_all_trials = 11000L)
# Data sets with one arm a study and one stage, to which rma.glmm and glmer apply.
ONE_ARM <- c("one_arm_per_study", "large_tau", "few_studies", "many_sparse", "mostly_zero",
             "large_trials", "rare_unequal")
# Quadrature nodes of metafor and lme4: their defaults of old, and more for the later sets.
NODES_METAFOR <- c(one_arm_per_study = 7L, large_tau = 7L, few_studies = 25L,
                   many_sparse = 25L, mostly_zero = 25L, large_trials = 25L, rare_unequal = 25L)
NODES_LME4 <- c(one_arm_per_study = 15L, large_tau = 15L, few_studies = 25L,
                many_sparse = 25L, mostly_zero = 25L, large_trials = 25L, rare_unequal = 25L)
SEED_STAN <- 1L          # passed to brm() / rstan::sampling()
SEED_RATE_NEW <- 101L    # standard normal draws of a new study's effect
CHAINS <- 4L
WARMUP <- 2000L
DRAWS <- 4000L           # per chain, after warm-up
ADAPT_DELTA <- 0.95
CORES <- 2L
GH_NODES <- 61L
PROBS <- c(0.025, 0.5, 0.975)
Q_NAMES <- c("q2.5", "q50", "q97.5")

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- if (length(script) == 1L) dirname(normalizePath(script)) else getwd()
out_dir <- Sys.getenv("REFERENCE_OUT", here)
dir.create(file.path(out_dir, "data"), showWarnings = FALSE, recursive = TRUE)

# Debian's r-cran-bh ships no headers of its own; they are in /usr/include.
if (!dir.exists(system.file("include", "boost", package = "BH")) &&
    dir.exists("/usr/include/boost")) {
  rstan::rstan_options(boost_lib = "/usr/include")
}

# -------------------------------------------------------------------- data --

# The seed is the first one, counting up from `start`, whose data set meets
# `accept`; the search is part of the recipe and is deterministic.
simulate <- function(start, generate, accept) {
  for (seed in start + 0:100000) {
    set.seed(seed)
    data <- generate()
    if (accept(data)) return(list(data = data, seed = seed))
  }
  stop("no seed gives an acceptable data set")
}

sizes <- function(k, low, high) as.integer(round(exp(runif(k, log(low), log(high)))))

one_arm <- function(k, low, high, mu, tau) {
  n <- sizes(k, low, high)
  p <- plogis(rnorm(k, mu, tau))
  data.frame(study_id = sprintf("S%02d", seq_len(k)),
             arm_id = sprintf("S%02d_A1", seq_len(k)),
             n_at_risk = n, n_goal_failure = rbinom(k, n, p))
}

several_arms <- function(mu = -0.8, tau = 0.8, icc = 0.15) {
  arms <- sample(c(1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5))
  study <- rep(seq_along(arms), arms)
  arm <- sequence(arms)
  n <- sizes(length(study), 15, 120)
  p_study <- plogis(rnorm(length(arms), mu, tau))
  phi <- 1 / icc - 1
  p <- rbeta(length(study), p_study[study] * phi, (1 - p_study[study]) * phi)
  data.frame(study_id = sprintf("S%02d", study),
             arm_id = sprintf("S%02d_A%d", study, arm),
             n_at_risk = n, n_goal_failure = rbinom(length(study), n, p))
}

# Both stages of every study: k of n trials are capable, the goal fails in some of those k.
two_stages <- function() {
  studies <- 25L; mu <- c(1, -0.5); tau <- c(0.8, 1.2); rho <- 0.5
  n <- sizes(studies, 20, 120)
  z <- matrix(rnorm(2 * studies), studies)
  capable <- plogis(mu[1] + tau[1] * z[, 1])
  fails <- plogis(mu[2] + tau[2] * (rho * z[, 1] + sqrt(1 - rho^2) * z[, 2]))
  k <- rbinom(studies, n, capable)
  data.frame(study_id = sprintf("S%02d", seq_len(studies)),
             arm_id = sprintf("S%02d_A1", seq_len(studies)),
             n_trials = n, n_capable = k, n_at_risk = k,
             n_goal_failure = rbinom(studies, k, fails))
}

zeros <- function(d) sum(d$n_goal_failure == 0)

source(file.path(here, "product_chain.R"))

simulated <- list(
  one_arm_per_study = simulate(
    SEED_DATA[["one_arm_per_study"]],
    function() one_arm(20L, 12, 150, -1.2, 0.9),
    function(d) sum(d$n_goal_failure == 0) == 3L),
  large_tau = simulate(
    SEED_DATA[["large_tau"]],
    function() one_arm(30L, 20, 400, 0, 2),
    function(d) sum(d$n_goal_failure == 0) >= 1L &&
      sum(d$n_goal_failure == d$n_at_risk) >= 1L),
  several_arms = simulate(SEED_DATA[["several_arms"]], several_arms, function(d) TRUE),
  few_studies = simulate(
    SEED_DATA[["few_studies"]],
    function() one_arm(4L, 10, 60, -1, 1),
    function(d) zeros(d) == 1L),
  many_sparse = simulate(
    SEED_DATA[["many_sparse"]],
    function() one_arm(100L, 5, 30, -2.5, 1),
    function(d) zeros(d) >= 30L && zeros(d) <= 50L),
  mostly_zero = simulate(
    SEED_DATA[["mostly_zero"]],
    function() one_arm(16L, 10, 80, -5, 1.5),
    function(d) zeros(d) == 12L),
  several_arms_large_tau = simulate(
    SEED_DATA[["several_arms_large_tau"]],
    function() several_arms(0, 2, 0.2),
    function(d) zeros(d) >= 2L),
  two_stages = simulate(
    SEED_DATA[["two_stages"]], two_stages,
    function(d) all(d$n_capable > 0) && zeros(d) >= 1L),
  large_trials = simulate(
    SEED_DATA[["large_trials"]],
    function() one_arm(12L, 2000, 20000, -1, 0.15),
    function(d) TRUE),
  rare_unequal = simulate(
    SEED_DATA[["rare_unequal"]],
    function() one_arm(25L, 20, 5000, -4.5, 0.8),
    function(d) zeros(d) >= 3L),
  mostly_all_trials = simulate(
    SEED_DATA[["mostly_all_trials"]], mostly_all_trials,
    function(d) all(d$n_at_risk > 0) && zeros(d) >= 2L))

truth <- list(
  one_arm_per_study = list(mu = -1.2, tau = 0.9),
  large_tau = list(mu = 0, tau = 2),
  several_arms = list(mu = -0.8, tau = 0.8, icc = 0.15),
  few_studies = list(mu = -1, tau = 1),
  many_sparse = list(mu = -2.5, tau = 1),
  mostly_zero = list(mu = -5, tau = 1.5),
  several_arms_large_tau = list(mu = 0, tau = 2, icc = 0.2),
  two_stages = list(mu = c(1, -0.5), tau = c(0.8, 1.2), rho = 0.5),
  large_trials = list(mu = -1, tau = 0.15),
  rare_unequal = list(mu = -4.5, tau = 0.8),
  mostly_all_trials = product_truth)

data_sets <- list()
data_info <- list()
for (name in names(simulated)) {
  path <- file.path(out_dir, "data", paste0(name, ".csv"))
  write.csv(simulated[[name]]$data, path, row.names = FALSE, quote = FALSE, na = "")
  d <- read.csv(path, stringsAsFactors = FALSE)
  data_sets[[name]] <- transform(d, n = n_at_risk, k = n_goal_failure)
  data_info[[name]] <- list(
    file = paste0("data/", name, ".csv"), md5 = unname(tools::md5sum(path)),
    seed = simulated[[name]]$seed, true_values = truth[[name]],
    n_studies = length(unique(d$study_id)), n_arms = nrow(d),
    n_arms_none = sum(d$n_goal_failure == 0),
    n_arms_all = sum(d$n_goal_failure == d$n_at_risk))
}

# ------------------------------------------------------- maximum likelihood --

# Log marginal likelihood of the normal-binomial model, binomial coefficients
# included, by adaptive numerical integration over each study's effect.
marginal_loglik <- function(mu, tau, k, n) {
  one <- function(k, n) {
    f <- function(t) dbinom(k, n, plogis(t), log = TRUE) + dnorm(t, mu, tau, log = TRUE)
    mode <- optimize(f, mu + c(-12, 12) * tau, maximum = TRUE, tol = 1e-10)$maximum
    top <- f(mode)
    p <- plogis(mode)
    s <- 1 / sqrt(n * p * (1 - p) + 1 / tau^2)
    area <- integrate(function(x) exp(f(mode + s * x) - top), -30, 0, rel.tol = 1e-11)$value +
      integrate(function(x) exp(f(mode + s * x) - top), 0, 30, rel.tol = 1e-11)$value
    top + log(s * area)
  }
  sum(mapply(one, k, n))
}

fit_metafor <- function(name) {
  d <- data_sets[[name]]
  f <- rma.glmm(xi = k, ni = n, data = d, measure = "PLO", method = "ML",
                nAGQ = NODES_METAFOR[[name]])
  mu <- unname(coef(f)[1]); tau <- sqrt(f$tau2)
  list(data_set = name, tool = "metafor",
       call = "rma.glmm(xi, ni, measure = \"PLO\", method = \"ML\")",
       model = "k_s ~ Binomial(n_s, inv_logit(mu + u_s)), u_s ~ Normal(0, tau^2)",
       priors = "none (maximum likelihood)",
       settings = list(nAGQ = NODES_METAFOR[[name]]),
       estimates = list(mu = list(estimate = mu, se = unname(f$se[1])),
                        tau = list(estimate = tau),
                        log_lik_full = marginal_loglik(mu, tau, d$k, d$n)))
}

fit_lme4 <- function(name) {
  d <- data_sets[[name]]
  f <- glmer(cbind(k, n - k) ~ 1 + (1 | study_id), data = d, family = binomial,
             nAGQ = NODES_LME4[[name]])
  mu <- unname(fixef(f)[1]); tau <- unname(attr(VarCorr(f)$study_id, "stddev")[1])
  list(data_set = name, tool = "lme4",
       call = "glmer(cbind(k, n - k) ~ 1 + (1 | study_id), family = binomial)",
       model = "k_s ~ Binomial(n_s, inv_logit(mu + u_s)), u_s ~ Normal(0, tau^2)",
       priors = "none (maximum likelihood)",
       settings = list(nAGQ = NODES_LME4[[name]]),
       estimates = list(mu = list(estimate = mu, se = unname(sqrt(diag(as.matrix(vcov(f))))[1])),
                        tau = list(estimate = tau),
                        log_lik_lme4 = as.numeric(logLik(f)),
                        log_lik_full = marginal_loglik(mu, tau, d$k, d$n)))
}

# ------------------------------------------------------------------- brms --

# Gauss-Hermite rule for E[f(Z)], Z ~ Normal(0, 1) (Golub and Welsch).
gauss_hermite <- function(m) {
  j <- matrix(0, m, m)
  i <- seq_len(m - 1)
  j[cbind(i, i + 1)] <- j[cbind(i + 1, i)] <- sqrt(i)
  e <- eigen(j, symmetric = TRUE)
  list(z = e$values, w = e$vectors[1, ]^2)
}
gh <- gauss_hermite(GH_NODES)
stopifnot(abs(sum(gh$w) - 1) < 1e-12, abs(sum(gh$w * gh$z^2) - 1) < 1e-10)

# x: iterations x chains
summarise <- function(x) {
  q <- quantile(as.vector(x), PROBS, names = FALSE)
  mq <- unname(posterior::mcse_quantile(x, probs = PROBS))
  c(list(mean = mean(x), sd = sd(as.vector(x))),
    setNames(as.list(q), Q_NAMES),
    list(ess_bulk = posterior::ess_bulk(x), ess_tail = posterior::ess_tail(x),
         rhat = posterior::rhat(x),
         mcse_mean = posterior::mcse_mean(x), mcse_sd = posterior::mcse_sd(x)),
    setNames(as.list(mq), paste0("mcse_", Q_NAMES)))
}

summarise_fit <- function(fit, d) {
  draws <- as_draws_array(fit)
  get <- function(v) { x <- draws[, , v]; matrix(as.vector(x), dim(x)[1], dim(x)[2]) }
  mu <- get("b_Intercept"); tau <- get("sd_study_id__Intercept")
  rate_mean <- mu * 0
  for (j in seq_len(GH_NODES)) rate_mean <- rate_mean + gh$w[j] * plogis(mu + tau * gh$z[j])
  set.seed(SEED_RATE_NEW)
  z <- matrix(rnorm(length(mu)), nrow(mu))
  out <- list(mu = summarise(mu), tau = summarise(tau),
              rate_typical = summarise(plogis(mu)),
              rate_mean = summarise(rate_mean),
              rate_new = summarise(plogis(mu + tau * z)))
  if ("phi" %in% variables(draws)) out$icc <- summarise(1 / (get("phi") + 1))
  first <- unique(d$study_id)[1:3]
  out$study_rate <- lapply(setNames(first, first), function(s)
    summarise(plogis(mu + get(sprintf("r_study_id[%s,Intercept]", s)))))
  out
}

diagnostics <- function(stanfit) {
  list(divergences = rstan::get_num_divergent(stanfit),
       max_treedepth_hits = rstan::get_num_max_treedepth(stanfit),
       min_bfmi = min(rstan::get_bfmi(stanfit)))
}

sampler_settings <- list(chains = CHAINS, warmup = WARMUP, draws_per_chain = DRAWS,
                         adapt_delta = ADAPT_DELTA, seed = SEED_STAN,
                         gauss_hermite_nodes = GH_NODES, seed_rate_new = SEED_RATE_NEW)

# There is no covariate, so brms's centred "Intercept" is the intercept itself.
common_prior <- c(set_prior("normal(0, 1.5)", class = "Intercept"),
                  set_prior("normal(0, 1)", class = "sd"))

sampler <- list(chains = CHAINS, iter = WARMUP + DRAWS, warmup = WARMUP, seed = SEED_STAN,
                cores = CORES, control = list(adapt_delta = ADAPT_DELTA), refresh = 0)

binomial_result <- function(name, fit) {
  list(data_set = name, tool = "brms",
       call = "brm(k | trials(n) ~ 1 + (1 | study_id), family = binomial())",
       model = "k_s ~ Binomial(n_s, inv_logit(mu + u_s)), u_s ~ Normal(0, tau^2)",
       priors = list(mu = "Normal(0, 1.5)", tau = "half-Normal(0, 1)"),
       settings = sampler_settings, diagnostics = diagnostics(fit$fit),
       estimates = summarise_fit(fit, data_sets[[name]]))
}

results <- list()
for (name in ONE_ARM) {
  results[[paste0("metafor_binomial_", name)]] <- fit_metafor(name)
  results[[paste0("lme4_binomial_", name)]] <- fit_lme4(name)
}

fit_a <- do.call(brm, c(list(
  formula = k | trials(n) ~ 1 + (1 | study_id), data = data_sets$one_arm_per_study,
  family = binomial(), prior = common_prior), sampler))
results$brms_binomial_one_arm_per_study <- binomial_result("one_arm_per_study", fit_a)

for (name in setdiff(ONE_ARM, "one_arm_per_study")) {
  fit_b <- do.call(update, c(list(
    object = fit_a, newdata = data_sets[[name]], recompile = FALSE), sampler))
  stopifnot(nrow(fit_b$data) == nrow(data_sets[[name]]))
  results[[paste0("brms_binomial_", name)]] <- binomial_result(name, fit_b)
}

# icc = 1 / (phi + 1) ~ Beta(1, 3): density 3 (1 - icc)^2, and |d icc / d phi| = 1 / (phi + 1)^2.
icc_prior <- stanvar(
  scode = "  target += log(3) + 2 * log1m(1 / (phi + 1)) - 2 * log1p(phi);  // icc ~ Beta(1, 3)",
  block = "model")
fit_c <- do.call(brm, c(list(
  formula = k | trials(n) ~ 1 + (1 | study_id), data = data_sets$several_arms,
  family = beta_binomial(), prior = c(common_prior, set_prior("", class = "phi")),
  stanvars = icc_prior), sampler))

# phi must carry that prior and no other.
code <- strsplit(stancode(fit_c), "\n")[[1]]
prior_lines <- grep("(lprior|target) \\+=.*phi", code, value = TRUE)
prior_lines <- grep("beta_binomial_lpmf", prior_lines, value = TRUE, invert = TRUE)
stopifnot(length(prior_lines) == 1L, grepl("log1m(1 / (phi + 1))", prior_lines, fixed = TRUE))

beta_priors <- list(mu = "Normal(0, 1.5)", tau = "half-Normal(0, 1)",
                    icc = "Beta(1, 3), icc = 1 / (phi + 1)")
beta_model <- paste(
  "k_a ~ BetaBinomial(n_a, p_s * phi, (1 - p_s) * phi), p_s = inv_logit(mu + u_s),",
  "u_s ~ Normal(0, tau^2), icc = 1 / (phi + 1)")
beta_call <- "brm(k | trials(n) ~ 1 + (1 | study_id), family = beta_binomial(), stanvars = <icc prior>)"
beta_result <- function(name, fit) {
  list(data_set = name, tool = "brms", call = beta_call, model = beta_model,
       priors = beta_priors, settings = sampler_settings, diagnostics = diagnostics(fit$fit),
       estimates = summarise_fit(fit, data_sets[[name]]))
}
results$brms_beta_binomial_several_arms <- beta_result("several_arms", fit_c)
fit_d <- do.call(update, c(list(
  object = fit_c, newdata = data_sets$several_arms_large_tau, recompile = FALSE), sampler))
stopifnot(nrow(fit_d$data) == nrow(data_sets$several_arms_large_tau))
results$brms_beta_binomial_several_arms_large_tau <- beta_result("several_arms_large_tau", fit_d)

# Prior only: the same compiled program with its likelihood switched off. (brm()
# refuses sample_prior = "only" here: it takes phi for a parameter with no prior.)
prior_data <- standata(fit_c)
prior_data$prior_only <- 1L
prior_fit <- rstan::sampling(
  fit_c$fit@stanmodel, data = prior_data, chains = CHAINS, iter = WARMUP + DRAWS,
  warmup = WARMUP, seed = SEED_STAN, cores = CORES, refresh = 0,
  control = list(adapt_delta = ADAPT_DELTA), pars = c("Intercept", "sd_1", "phi"))
prior_draws <- as.array(prior_fit)
results$brms_beta_binomial_prior_only <- list(
  data_set = NULL, tool = "brms",
  call = "rstan::sampling(<the compiled beta-binomial program>, prior_only = 1)",
  model = paste(beta_model, "(likelihood off)"), priors = beta_priors,
  settings = sampler_settings, diagnostics = diagnostics(prior_fit),
  expected = list(icc = list(mean = 0.25, sd = sqrt(3 / 80)),
                  mu = list(mean = 0, sd = 1.5),
                  tau = list(mean = sqrt(2 / pi), sd = sqrt(1 - 2 / pi))),
  estimates = list(mu = summarise(prior_draws[, , "Intercept"]),
                   tau = summarise(prior_draws[, , "sd_1[1]"]),
                   icc = summarise(1 / (prior_draws[, , "phi"] + 1))))

# Two correlated stages: capability among all trials, goal failure among the capable.
d <- data_sets$two_stages
long <- rbind(
  data.frame(study_id = d$study_id, stage = "capability", n = d$n_trials, k = d$n_capable),
  data.frame(study_id = d$study_id, stage = "goal", n = d$n_at_risk, k = d$n_goal_failure))
fit_e <- do.call(brm, c(list(
  formula = k | trials(n) ~ 0 + stage + (0 + stage | study_id), data = long,
  family = binomial(),
  prior = c(set_prior("normal(0, 1.5)", class = "b"), set_prior("normal(0, 1)", class = "sd"),
            set_prior("lkj(2)", class = "cor"))), sampler))

# Draws of a two-stage fit as this package names them. rate_mean of the product by a tensor rule.
summarise_two_stages <- function(fit) {
  draws <- as_draws_array(fit)
  get <- function(v) { x <- draws[, , v]; matrix(as.vector(x), dim(x)[1], dim(x)[2]) }
  mu <- list(get("b_stagecapability"), get("b_stagegoal"))
  tau <- list(get("sd_study_id__stagecapability"), get("sd_study_id__stagegoal"))
  rho <- get("cor_study_id__stagecapability__stagegoal")
  both <- function(z1, z2) plogis(mu[[1]] + tau[[1]] * z1) *
    plogis(mu[[2]] + tau[[2]] * (rho * z1 + sqrt(1 - rho^2) * z2))
  mean_of <- function(o) {
    total <- rho * 0
    for (j in seq_len(GH_NODES)) total <- total + gh$w[j] * plogis(mu[[o]] + tau[[o]] * gh$z[j])
    total
  }
  mean_both <- rho * 0
  rule <- gauss_hermite(21L)
  for (i in 1:21) for (j in 1:21)
    mean_both <- mean_both + rule$w[i] * rule$w[j] * both(rule$z[i], rule$z[j])
  set.seed(SEED_RATE_NEW)
  z1 <- matrix(rnorm(length(rho)), nrow(rho)); z2 <- matrix(rnorm(length(rho)), nrow(rho))
  one <- function(o, z) list(
    mu = summarise(mu[[o]]), tau = summarise(tau[[o]]),
    rate_typical = summarise(plogis(mu[[o]])), rate_mean = summarise(mean_of(o)),
    rate_new = summarise(plogis(mu[[o]] + tau[[o]] * z)))
  list(capability_transfer = one(1, z1),
       goal_failure = one(2, rho * z1 + sqrt(1 - rho^2) * z2),
       capable_goal_failure = list(
         rate_typical = summarise(plogis(mu[[1]]) * plogis(mu[[2]])),
         rate_mean = summarise(mean_both), rate_new = summarise(both(z1, z2))),
       stage_correlation = summarise(rho))
}
results$brms_chain_two_stages <- list(
  data_set = "two_stages", tool = "brms",
  call = "brm(k | trials(n) ~ 0 + stage + (0 + stage | study_id), family = binomial())",
  model = "k_so ~ Binomial(n_so, inv_logit(mu_o + u_so)), u_s ~ MVN(0, D R D), D = diag(tau)",
  priors = list(mu = "Normal(0, 1.5)", tau = "half-Normal(0, 1)", R = "LKJ(2)"),
  settings = sampler_settings, diagnostics = diagnostics(fit_e$fit),
  estimates = summarise_two_stages(fit_e))

# The same with arms that count only the product, in agent sets and with beta-binomial counts.
results$brms_product_chain_mostly_all_trials <-
  product_result("mostly_all_trials", data_sets$mostly_all_trials)

# What a tool cannot do for a data set, and why: with the results this is the whole grid.
MODELS <- c("binomial", "beta_binomial", "chain", "product_chain")
own_model <- function(name) {
  if (name %in% ONE_ARM) return("binomial")
  switch(name, two_stages = "chain", mostly_all_trials = "product_chain", "beta_binomial")
}
why_not <- function(tool, model, name) {
  own <- own_model(name)
  two <- own %in% c("chain", "product_chain")
  if (model == own) return(switch(
    model,
    beta_binomial = "no beta-binomial likelihood with normal study effects",
    product_chain = "a product of two inverse logits is no inverse of a link that the tool has",
    chain = if (tool == "metafor") "rma.glmm is univariate; rma.mv is normal on the logit" else
      "correlated effects are integrated by Laplace's method only: too coarse to compare with"))
  if (model %in% c("chain", "product_chain") && !two) return("the data have one stage")
  if (two && !model %in% c("chain", "product_chain"))
    return("the stages are fitted together, by the chain")
  switch(
    model,
    binomial = "arms of a study vary in these data, which a binomial of study effects denies",
    beta_binomial = "with one arm a study, arms cannot be told from studies",
    chain = "most arms count goal failures among all trials, at a product of the stages' rates",
    product_chain = "no arm counts goal failures among all trials, and each study has one arm")
}
unavailable <- list()
for (name in names(data_sets)) for (tool in c("metafor", "lme4", "brms")) for (model in MODELS) {
  if (paste(tool, model, name, sep = "_") %in% names(results)) next
  reason <- why_not(tool, model, name)
  stopifnot(is.character(reason))
  unavailable[[length(unavailable) + 1L]] <- list(
    tool = tool, model = model, data_set = name, reason = reason)
}

# ------------------------------------------------------------------ checks --

est <- function(id) results[[id]]$estimates
for (name in ONE_ARM) {
  m <- est(paste0("metafor_binomial_", name)); l <- est(paste0("lme4_binomial_", name))
  b <- est(paste0("brms_binomial_", name))
  stopifnot(abs(m$mu$estimate - l$mu$estimate) < 1e-3,
            abs(m$tau$estimate - l$tau$estimate) < 1e-3,
            abs(m$mu$se - l$mu$se) < 1e-3,
            is.finite(b$mu$mean))
  # Where data are few, nearly all zero or rare the priors rightly move the posterior further.
  if (name %in% c("one_arm_per_study", "large_tau", "many_sparse", "large_trials")) stopifnot(
    abs(b$mu$mean - l$mu$estimate) < 0.5 * l$mu$se,
    abs(b$tau$mean - l$tau$estimate) < b$tau$sd)
}
for (p in c("mu", "tau", "icc")) {
  r <- results$brms_beta_binomial_prior_only
  stopifnot(abs(r$estimates[[p]]$mean - r$expected[[p]]$mean) < 4 * r$estimates[[p]]$mcse_mean,
            abs(r$estimates[[p]]$sd - r$expected[[p]]$sd) < 4 * r$estimates[[p]]$mcse_sd)
}
for (id in grep("^brms", names(results), value = TRUE)) {
  each <- if (grepl("chain", id)) est(id)[c("capability_transfer", "goal_failure")] else
    list(est(id))
  stopifnot(results[[id]]$diagnostics$divergences == 0)
  for (e in each) stopifnot(e$mu$rhat < 1.01, e$tau$rhat < 1.01, e$omega$rhat < 1.01,
                            e$icc$rhat < 1.01)
}

# ------------------------------------------------------------------- write --

sort_names <- function(x) {
  if (!is.list(x)) return(x)
  x <- lapply(x, sort_names)
  if (is.null(names(x))) x else x[order(names(x), method = "radix")]
}

packages <- c("brms", "jsonlite", "lme4", "metafor", "posterior", "rstan", "StanHeaders")
reference <- list(
  format_version = 1L,
  data_sets = data_info,
  results = results,
  unavailable = unavailable,
  seeds = list(data = lapply(simulated, `[[`, "seed"), stan = SEED_STAN,
               rate_new = SEED_RATE_NEW),
  versions = c(list(R = as.character(getRversion()), stan = rstan::stan_version()),
               lapply(setNames(packages, packages), function(p) as.character(packageVersion(p)))))

writeLines(toJSON(sort_names(reference), auto_unbox = TRUE, pretty = TRUE,
                  digits = I(10), null = "null", na = "null"),
           file.path(out_dir, "reference.json"))
cat("wrote", file.path(out_dir, "reference.json"), "\n")
