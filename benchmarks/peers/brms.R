# brms as a worker: one request a line on standard input, one answer a line on standard output.
#
# A request names an `action` (compile, sample, update, fit), the CSV of the observations and the
# kind of model. The priors are those of the product's default set, which `engine.py` fits; both
# sides' draws go to the driver, which computes effective sample sizes and compares the means.

suppressPackageStartupMessages({
  library(brms)
  library(jsonlite)
})
options(mc.cores = 2)
# As users are told to; a model given as code, as brms does it, is compiled all the same.
rstan::rstan_options(auto_write = TRUE)
if (dir.exists("/usr/include/boost")) rstan::rstan_options(boost_lib = "/usr/include")

monotonic_priors <- c(
  prior(normal(0, 1.5), class = Intercept),
  # The total effect is the coefficient times the number of steps (four).
  prior(normal(0, 0.375), class = b, coef = mox),
  prior(dirichlet(2), class = simo, coef = mox1),
  prior(normal(0, 1), class = sd)
)

counts_binomial <- list(
  formula = bf(y | trials(n) ~ 1 + mo(x) + (1 | study) + (1 | arm)),
  family = binomial(),
  prior = monotonic_priors
)

counts_beta_binomial <- list(
  formula = bf(
    y | trials(n) ~ 1 + mo(x) + (1 | study),
    nlf(phi ~ log1m(icc) - log(icc)),
    icc ~ 1
  ),
  family = beta_binomial(),
  prior = c(monotonic_priors, prior(beta(1, 3), nlpar = icc, lb = 0, ub = 1))
)

# Two stages: c is the logit of capability, g of goal failure given capability. An arm that counts
# among all trials (`through`) has the product.
chain_priors <- do.call(c, lapply(c("c", "g"), function(stage) {
  c(
    set_prior("normal(0, 1.5)", class = "b", coef = "Intercept", nlpar = stage),
    set_prior("normal(0, 0.75)", class = "b", coef = "x", nlpar = stage),
    set_prior("normal(0, 1)", class = "sd", nlpar = stage)
  )
}))

chain <- list(
  formula = bf(
    y | trials(n) ~ (1 - goal) * inv_logit(c) +
      goal * inv_logit(g) * (1 - through * (1 - inv_logit(c))),
    c ~ 0 + Intercept + x + (1 | s | study) + (1 | set),
    g ~ 0 + Intercept + x + (1 | s | study) + (1 | set),
    nlf(phi ~ log1m(icc) - log(icc)),
    icc ~ 0 + stage,
    nl = TRUE
  ),
  family = beta_binomial(link = "identity"),
  prior = c(
    chain_priors,
    prior(lkj(2), class = cor),
    prior(beta(1, 3), nlpar = icc, lb = 0, ub = 1)
  )
)

models <- list(
  binomial = counts_binomial, beta_binomial = counts_beta_binomial, chain = chain
)

read_rows <- function(path) {
  rows <- read.csv(path, colClasses = c(study = "factor"))
  if (is.null(rows$stage)) rows$x <- factor(rows$x, levels = 1:5, ordered = TRUE)
  for (name in intersect(names(rows), c("arm", "set", "stage"))) rows[[name]] <- factor(rows[[name]])
  rows
}

# Draws of one fit under the names that the other side gives the same quantities.
named_draws <- function(fit, kind) {
  d <- posterior::as_draws_array(fit)
  pick <- function(name) as.matrix(posterior::extract_variable_matrix(d, name))
  if (kind == "chain") {
    found <- list()
    for (stage in c("c", "g")) {
      label <- c(c = "capability_transfer", g = "goal_failure")[[stage]]
      put <- function(name, variable) found[[paste0(name, "[", label, "]")]] <<- pick(variable)
      put("alpha", paste0("b_", stage, "_Intercept"))
      put("beta", paste0("b_", stage, "_x"))
      put("tau", paste0("sd_study__", stage, "_Intercept"))
      put("omega", paste0("sd_set__", stage, "_Intercept"))
      put("icc", paste0("b_icc_stage", label))
    }
    found[["correlation"]] <- pick("cor_study__c_Intercept__g_Intercept")
    return(found)
  }
  total <- 4 * pick("bsp_mox")
  found <- list(
    alpha = pick("b_Intercept"), tau = pick("sd_study__Intercept"), total = total
  )
  for (k in 1:4) found[[paste0("beta[", k, "]")]] <- total * pick(paste0("simo_mox1[", k, "]"))
  if (kind == "binomial") found[["kappa"]] <- pick("sd_arm__Intercept")
  if (kind == "beta_binomial") found[["icc"]] <- pick("b_icc_Intercept")
  found
}

write_draws <- function(fit, kind, path) {
  found <- named_draws(fit, kind)
  connection <- file(path, "wb")
  for (each in found) writeBin(as.vector(each), connection)
  close(connection)
  list(names = names(found), draws = nrow(found[[1]]), chains = ncol(found[[1]]))
}

compiled <- list()

fit_with <- function(request, chains) {
  model <- models[[request$kind]]
  brm(
    model$formula, read_rows(request$rows), model$family, model$prior,
    chains = chains, iter = request$tune + request$draws, warmup = request$tune,
    seed = request$seed, refresh = 0, silent = 2, open_progress = FALSE
  )
}

divergences <- function(fit) sum(subset(nuts_params(fit), Parameter == "divergent__")$Value)

answer_to <- function(request) {
  start <- proc.time()[["elapsed"]]
  if (request$action == "compile") {
    compiled[[request$kind]] <<- fit_with(request, chains = 0)
    return(list(seconds = proc.time()[["elapsed"]] - start))
  }
  fit <- if (request$action == "fit") {
    fit_with(request, chains = 4)
  } else {
    # The compiled model of the same formula: no compilation, whatever the rows are.
    update(
      compiled[[request$kind]], newdata = read_rows(request$rows), recompile = FALSE,
      chains = 4, iter = request$tune + request$draws, warmup = request$tune,
      seed = request$seed, refresh = 0, silent = 2, open_progress = FALSE
    )
  }
  seconds <- proc.time()[["elapsed"]] - start
  leaps <- sum(subset(nuts_params(fit), Parameter == "n_leapfrog__")$Value)
  c(
    list(
      seconds = seconds, chain_seconds = rowSums(rstan::get_elapsed_time(fit$fit)),
      divergences = divergences(fit), leapfrogs = leaps
    ),
    write_draws(fit, request$kind, request$output)
  )
}

input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  request <- fromJSON(line)
  answer <- tryCatch(answer_to(request), error = function(e) list(error = conditionMessage(e)))
  cat("ANSWER ", toJSON(answer, auto_unbox = TRUE, digits = NA), "\n", sep = "")
  flush(stdout())
}
