# Point estimates of lme4 and metafor, and rstanarm with its nearest priors, on one table of arms.
# The ordinal moderator is linear here: none of them has a monotonic effect.

library(jsonlite)
input <- file("stdin", "r")
request <- fromJSON(readLines(input, n = 1))
rows <- read.csv(request$rows, colClasses = c(study = "factor", arm = "factor"))
rows$x <- (rows$x - 1) / 4
has <- function(name) requireNamespace(name, quietly = TRUE)
timed <- function(code) vapply(seq_len(request$repeats), function(i) {
  system.time(code())[["elapsed"]]
}, numeric(1))

found <- list()
if (has("lme4")) {
  found$lme4 <- timed(function() {
    lme4::glmer(cbind(y, n - y) ~ x + (1 | study) + (1 | arm), rows, binomial())
  })
} else message("SKIPPED: lme4")
if (has("metafor")) {
  # One random effect, of arms: this function has no second level.
  found$metafor <- timed(function() {
    metafor::rma.glmm(xi = y, ni = n, mods = ~x, measure = "PLO", data = rows)
  })
} else message("SKIPPED: metafor")
if (has("rstanarm")) {
  options(mc.cores = 2)
  took <- system.time(fit <- rstanarm::stan_glmer(
    cbind(y, n - y) ~ x + (1 | study) + (1 | arm), rows, binomial(),
    prior = rstanarm::normal(0, 1.5, autoscale = FALSE),
    prior_intercept = rstanarm::normal(0, 1.5, autoscale = FALSE),
    # The sd of each level is then exponential with mean 1; a half-normal cannot be had.
    prior_covariance = rstanarm::decov(1, 1, 1, 1),
    chains = 4, iter = 2000, seed = 1, refresh = 0
  ))
  found$rstanarm <- took[["elapsed"]]
  found$rstanarm_sampling <- sum(rstan::get_elapsed_time(fit$stanfit)) / 2
  d <- as.array(fit)
  picked <- list(
    alpha = d[, , "(Intercept)"], total = d[, , "x"],
    tau = sqrt(d[, , "Sigma[study:(Intercept),(Intercept)]"])
  )
  connection <- file(request$output, "wb")
  for (each in picked) writeBin(as.vector(each), connection)
  close(connection)
  found$rstanarm_draws <- list(names = names(picked), draws = nrow(picked[[1]]), chains = ncol(picked[[1]]))
} else message("SKIPPED: rstanarm")
cat("ANSWER ", toJSON(found, auto_unbox = TRUE, digits = NA), "\n", sep = "")
