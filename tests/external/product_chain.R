# Two stages of which most arms count only the product; sourced by reference.R, whose functions and
# settings it uses.
#
# An arm that counts goal failures among all trials, capable or not, fails at the rate
# capability x goal. Arms lie in agent sets, those in studies. Counts are beta-binomial.

ADAPT_DELTA_PRODUCT <- 0.99
DRAWS_PRODUCT <- 5000L
GH_NODES_PRODUCT <- 31L
OUTCOMES <- c(c = "capability_transfer", g = "goal_failure")

product_truth <- list(mu = c(1.2, -0.6), tau = c(0.8, 0.9), rho = 0.4, omega = c(0.4, 0.5),
                      icc = c(0.08, 0.1))

# Twenty studies of one to five arms, two arms an agent set (the last one may have one).
mostly_all_trials <- function(true = product_truth) {
  arms <- sample(rep(1:5, each = 4))
  study <- rep(seq_along(arms), arms)
  arm <- sequence(arms)
  agent_set <- ceiling(arm / 2)
  each_set <- match(paste(study, agent_set), unique(paste(study, agent_set)))
  kind <- sample(rep(c("both", "given", "all"), c(10, 4, 46)))
  n <- sizes(length(study), 20, 150)
  z <- matrix(rnorm(2 * length(arms)), 2)
  z[2, ] <- true$rho * z[1, ] + sqrt(1 - true$rho^2) * z[2, ]
  w <- matrix(rnorm(2 * max(each_set)), 2)
  rate <- plogis(true$mu + true$tau * z[, study] + true$omega * w[, each_set])
  count <- function(n, p, icc) {
    phi <- 1 / icc - 1
    rbinom(length(n), n, rbeta(length(n), p * phi, (1 - p) * phi))
  }
  capable <- count(n, rate[1, ], true$icc[1])
  at_risk <- ifelse(kind == "all", n, capable)
  among <- rate[2, ] * ifelse(kind == "all", rate[1, ], 1)
  data.frame(study_id = sprintf("S%02d", study), arm_id = sprintf("S%02d_A%d", study, arm),
             agent_set = sprintf("T%d", agent_set),
             conditioning = ifelse(kind == "all", "all_trials", "given_capability"),
             n_trials = ifelse(kind == "both", n, NA),
             n_capable = ifelse(kind == "both", capable, NA),
             n_at_risk = at_risk, n_goal_failure = count(at_risk, among, true$icc[2]))
}

# One row a count: capability where it is observed, goal failure of every arm.
product_rows <- function(d) {
  rows <- function(d, stage, through, n, k) data.frame(
    study = d$study_id, set = paste(d$study_id, d$agent_set), stage = stage,
    goal = as.integer(stage == "goal_failure"), through = through, n = n, k = k)
  seen <- d[!is.na(d$n_trials), ]
  rbind(rows(seen, "capability_transfer", 0L, seen$n_trials, seen$n_capable),
        rows(d, "goal_failure", as.integer(d$conditioning == "all_trials"), d$n_at_risk,
             d$n_goal_failure))
}

# c and g are the logits of capability and of goal failure given capability.
fit_product <- function(d) {
  stage_priors <- function(stage) c(
    set_prior("normal(0, 1.5)", class = "b", coef = "Intercept", nlpar = stage),
    set_prior("normal(0, 1)", class = "sd", nlpar = stage))
  brm(
    bf(k | trials(n) ~ (1 - goal) * inv_logit(c) +
         goal * inv_logit(g) * (1 - through * (1 - inv_logit(c))),
       c ~ 0 + Intercept + (1 | s | study) + (1 | set),
       g ~ 0 + Intercept + (1 | s | study) + (1 | set),
       nlf(phi ~ log1m(icc) - log(icc)),
       icc ~ 0 + stage,
       nl = TRUE),
    data = product_rows(d), family = beta_binomial(link = "identity"),
    prior = c(stage_priors("c"), stage_priors("g"), set_prior("lkj(2)", class = "cor"),
              set_prior("beta(1, 3)", nlpar = "icc", lb = 0, ub = 1)),
    chains = CHAINS, iter = WARMUP + DRAWS_PRODUCT, warmup = WARMUP, seed = SEED_STAN,
    cores = CORES, control = list(adapt_delta = ADAPT_DELTA_PRODUCT), refresh = 0)
}

# E[plogis(eta + sd Z)] of matrices of draws.
averaged <- function(eta, sd) {
  total <- eta * 0
  for (j in seq_len(GH_NODES)) total <- total + gh$w[j] * plogis(eta + sd * gh$z[j])
  total
}

# E[plogis(C) plogis(G)], both logits normal with sds `sd` and the covariance `cov`.
averaged_product <- function(mu, sd, cov) {
  rule <- gauss_hermite(GH_NODES_PRODUCT)
  slope <- cov / sd$c
  rest <- sqrt(sd$g^2 - slope^2)
  total <- cov * 0
  for (i in seq_along(rule$z)) {
    given <- total * 0
    for (j in seq_along(rule$z))
      given <- given + rule$w[j] * plogis(mu$g + slope * rule$z[i] + rest * rule$z[j])
    total <- total + rule$w[i] * plogis(mu$c + sd$c * rule$z[i]) * given
  }
  total
}

# Mean over the arms of a study of its rate among all trials.
product_study_rate <- function(get, mu, d, study) {
  own <- d[d$study_id == study, ]
  logit <- function(stage, set) mu[[stage]] +
    get(sprintf("r_study__%s[%s,Intercept]", stage, study)) +
    get(sprintf("r_set__%s[%s,Intercept]", stage, gsub(" ", ".", set)))
  rates <- lapply(paste(own$study_id, own$agent_set),
                  function(set) plogis(logit("c", set)) * plogis(logit("g", set)))
  Reduce(`+`, rates) / length(rates)
}

summarise_product <- function(fit, d) {
  draws <- as_draws_array(fit)
  get <- function(v) { x <- draws[, , v]; matrix(as.vector(x), dim(x)[1], dim(x)[2]) }
  by_stage <- function(pattern) lapply(c(c = "c", g = "g"), function(s) get(sprintf(pattern, s)))
  mu <- by_stage("b_%s_Intercept")
  tau <- by_stage("sd_study__%s_Intercept")
  omega <- by_stage("sd_set__%s_Intercept")
  icc <- lapply(OUTCOMES, function(stage) get(paste0("b_icc_stage", stage)))
  rho <- get("cor_study__c_Intercept__g_Intercept")
  sd <- lapply(c(c = "c", g = "g"), function(s) sqrt(tau[[s]]^2 + omega[[s]]^2))
  set.seed(SEED_RATE_NEW)
  z1 <- matrix(rnorm(length(rho)), nrow(rho)); z2 <- matrix(rnorm(length(rho)), nrow(rho))
  z <- list(c = z1, g = rho * z1 + sqrt(1 - rho^2) * z2)
  new <- lapply(c(c = "c", g = "g"),
                function(s) averaged(mu[[s]] + tau[[s]] * z[[s]], omega[[s]]))
  one <- function(s) lapply(list(
    mu = mu[[s]], tau = tau[[s]], omega = omega[[s]], icc = icc[[s]],
    rate_typical = plogis(mu[[s]]), rate_mean = averaged(mu[[s]], sd[[s]]),
    rate_new = new[[s]]), summarise)
  both <- lapply(list(
    rate_typical = plogis(mu$c) * plogis(mu$g),
    rate_mean = averaged_product(mu, sd, rho * tau$c * tau$g),
    rate_new = new$c * new$g), summarise)
  # The first studies of several agent sets.
  several <- names(which(tapply(d$agent_set, d$study_id, function(a) length(unique(a))) > 1))[1:3]
  both$study_rate <- lapply(setNames(several, several),
                            function(s) summarise(product_study_rate(get, mu, d, s)))
  list(capability_transfer = one("c"), goal_failure = one("g"), capable_goal_failure = both,
       stage_correlation = summarise(rho))
}

product_result <- function(name, d) {
  fit <- fit_product(d)
  list(
    data_set = name, tool = "brms",
    call = paste(
      "brm(bf(k | trials(n) ~ (1 - goal) * inv_logit(c) + goal * inv_logit(g) *",
      "(1 - through * (1 - inv_logit(c))), c + g ~ 0 + Intercept + (1 | s | study) + (1 | set),",
      "nlf(phi ~ log1m(icc) - log(icc)), icc ~ 0 + stage, nl = TRUE),",
      "family = beta_binomial(link = \"identity\"))"),
    model = paste(
      "k_o ~ BetaBinomial(n_o, p_o * phi_o, (1 - p_o) * phi_o), icc_o = 1 / (phi_o + 1),",
      "p_o = inv_logit(eta_o), but inv_logit(eta_c) * inv_logit(eta_g) where goal failures are",
      "counted among all trials; eta_o = mu_o + u_so + w_ao, u_s ~ MVN(0, D R D),",
      "D = diag(tau), w_ao ~ Normal(0, omega_o^2) of agent sets"),
    priors = list(mu = "Normal(0, 1.5)", tau = "half-Normal(0, 1)", omega = "half-Normal(0, 1)",
                  R = "LKJ(2)", icc = "Beta(1, 3)"),
    settings = list(chains = CHAINS, warmup = WARMUP, draws_per_chain = DRAWS_PRODUCT,
                    adapt_delta = ADAPT_DELTA_PRODUCT, seed = SEED_STAN,
                    gauss_hermite_nodes = GH_NODES, seed_rate_new = SEED_RATE_NEW,
                    gauss_hermite_nodes_product = GH_NODES_PRODUCT),
    diagnostics = diagnostics(fit$fit), estimates = summarise_product(fit, d))
}
