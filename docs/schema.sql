-- The evidence database (DuckDB), generated from the field dictionary by `meta dictionary`.

CREATE TABLE "studies" (
  "study_id" VARCHAR NOT NULL,
  "title" VARCHAR NOT NULL,
  "authors" VARCHAR,
  "year" BIGINT NOT NULL,
  "url_or_id" VARCHAR,
  "source_type" VARCHAR,
  "how_read" VARCHAR,
  "bib_basis" VARCHAR,
  PRIMARY KEY ("study_id"),
  CHECK ("year" >= 1900),
  CHECK ("year" <= 2100)
);

CREATE TABLE "arms" (
  "arm_id" VARCHAR NOT NULL,
  "study_id" VARCHAR NOT NULL,
  "failure_type" VARCHAR NOT NULL,
  "environment" VARCHAR,
  "arm_label" VARCHAR,
  "condition" VARCHAR,
  "agent" VARCHAR,
  "agent_set" VARCHAR,
  "agent_family" VARCHAR,
  "n_agents" BIGINT,
  "unit" VARCHAR NOT NULL,
  "n_trials" BIGINT NOT NULL,
  "n_capable" BIGINT,
  "conditioning" VARCHAR,
  "n_at_risk" BIGINT,
  "n_goal_failure" BIGINT,
  "n_harm" BIGINT,
  "goal_failure_definition" VARCHAR,
  "other_counts" VARCHAR,
  "sampling_frame" VARCHAR NOT NULL,
  "role" VARCHAR NOT NULL,
  "overlap_set" VARCHAR,
  "overlap" VARCHAR,
  "locator" VARCHAR,
  "printed_figure" VARCHAR,
  "derivation" VARCHAR,
  "grade" VARCHAR NOT NULL,
  "note" VARCHAR,
  "added_on" DATE,
  PRIMARY KEY ("arm_id"),
  FOREIGN KEY ("study_id") REFERENCES "studies" ("study_id"),
  CHECK ("failure_type" IN ('specification_gaming', 'goal_misgeneralization', 'shutdown_resistance', 'neighbouring_generalization', 'designer_error', 'environment_vulnerability', 'measurement_check')),
  CHECK ("n_agents" >= 1),
  CHECK ("n_trials" >= 1),
  CHECK ("n_capable" >= 0),
  CHECK ("n_capable" <= "n_trials"),
  CHECK ("conditioning" IN ('given_capability', 'all_trials')),
  CHECK ("n_at_risk" >= 0),
  CHECK ("n_at_risk" <= "n_trials"),
  CHECK ("n_goal_failure" >= 0),
  CHECK ("n_goal_failure" <= "n_at_risk"),
  CHECK ("n_goal_failure" IS NULL OR "n_at_risk" IS NOT NULL),
  CHECK ("n_harm" >= 0),
  CHECK ("n_harm" <= "n_goal_failure"),
  CHECK ("n_harm" IS NULL OR "n_goal_failure" IS NOT NULL),
  CHECK ("sampling_frame" IN ('denominator', 'conditioned', 'case_series', 'case_control', 'anecdote')),
  CHECK ("role" IN ('main', 'control', 'ablation', 'mitigation', 'probe', 'pilot', 'total', 'subset', 'superseded', 'alternative_definition')),
  CHECK ("grade" IN ('A', 'B', 'C', 'D'))
);

CREATE TABLE "contrasts" (
  "contrast_id" VARCHAR NOT NULL,
  "arm_id" VARCHAR NOT NULL,
  "baseline_arm_id" VARCHAR NOT NULL,
  "intervention" VARCHAR NOT NULL,
  "direction_expected" VARCHAR NOT NULL,
  "basis" VARCHAR NOT NULL,
  "coder_id" VARCHAR NOT NULL,
  "added_on" DATE,
  PRIMARY KEY ("contrast_id"),
  FOREIGN KEY ("arm_id") REFERENCES "arms" ("arm_id"),
  FOREIGN KEY ("baseline_arm_id") REFERENCES "arms" ("arm_id"),
  CHECK ("intervention" IN ('warning_or_prohibition', 'clarified_specification', 'permission_or_encouragement', 'option_to_stop', 'stakes_framing', 'pressure_or_incentive', 'belief_about_training', 'cue_uninformative', 'cue_reversed', 'decorrelated_training_data', 'failure_in_training', 'prompt_in_training', 'prior_training', 'reward_or_penalty_change', 'reasoning_removed', 'steering_at_inference', 'information_given', 'other_ablation')),
  CHECK ("direction_expected" IN ('decrease', 'increase', 'unclear'))
);

CREATE TABLE "cases" (
  "case_id" VARCHAR NOT NULL,
  "title" VARCHAR,
  "description" VARCHAR,
  "failure_type" VARCHAR NOT NULL,
  "system_kind" VARCHAR,
  "domain" VARCHAR,
  "environment" VARCHAR,
  "intended_goal" VARCHAR,
  "learned_proxy" VARCHAR,
  "year" BIGINT,
  "study_id" VARCHAR,
  "source_url" VARCHAR,
  "source_url_basis" VARCHAR,
  "found_in" VARCHAR,
  "n_places_seen" BIGINT,
  "evidence_kind" VARCHAR,
  "list_membership" VARCHAR,
  "grade" VARCHAR,
  "classification_note" VARCHAR,
  "sampling_frame" VARCHAR,
  "added_on" DATE,
  PRIMARY KEY ("case_id"),
  CHECK ("failure_type" IN ('specification_gaming', 'goal_misgeneralization', 'shutdown_resistance', 'neighbouring_generalization', 'designer_error', 'environment_vulnerability', 'measurement_check')),
  CHECK ("year" >= 1900),
  CHECK ("year" <= 2100),
  FOREIGN KEY ("study_id") REFERENCES "studies" ("study_id"),
  CHECK ("n_places_seen" >= 0),
  CHECK ("evidence_kind" IN ('observed_behaviour', 'reward_analysis_only', 'informal_report', 'user_report', 'news_report', 'secondary_report', 'anecdote', 'design_only', 'analogy', 'thought_experiment')),
  CHECK ("grade" IN ('A', 'B', 'C', 'D')),
  CHECK ("sampling_frame" IN ('case_series', 'case_control', 'anecdote'))
);

CREATE TABLE "coders" (
  "coder" VARCHAR NOT NULL,
  "kind" VARCHAR NOT NULL,
  "note" VARCHAR,
  PRIMARY KEY ("coder"),
  CHECK ("kind" IN ('human', 'machine_assisted', 'machine'))
);

CREATE TABLE "codings" (
  "unit_id" VARCHAR NOT NULL,
  "coder" VARCHAR NOT NULL,
  "coded_on" DATE,
  "codebook_version" VARCHAR,
  "capability_transfer" VARCHAR,
  "goal_failure" VARCHAR,
  "harm" VARCHAR,
  "shift_type" VARCHAR,
  "specification_quality" VARCHAR,
  "capability_level" VARCHAR,
  "training_diversity" VARCHAR,
  "alignment_method" VARCHAR,
  "elicitation" VARCHAR,
  "mechanism" VARCHAR,
  "confidence" VARCHAR,
  "rationale" VARCHAR,
  PRIMARY KEY ("unit_id", "coder"),
  CHECK ("capability_transfer" IN ('yes', 'no', 'unclear')),
  CHECK ("goal_failure" IN ('yes', 'partial', 'no', 'unclear')),
  CHECK ("harm" IN ('none', 'minor', 'significant', 'severe', 'unclear')),
  CHECK ("shift_type" IN ('none', 'superficial', 'moderate', 'significant', 'extreme', 'unclear')),
  CHECK ("specification_quality" IN ('high', 'medium', 'low', 'unclear')),
  CHECK ("capability_level" IN ('below_human', 'human_level', 'above_human', 'unclear')),
  CHECK ("training_diversity" IN ('narrow', 'mixed', 'diverse', 'unclear')),
  CHECK ("alignment_method" IN ('behavioral_cloning', 'reward_optimization', 'human_feedback', 'safety_trained', 'interpretability_verified', 'none', 'unclear')),
  CHECK ("elicitation" IN ('none', 'loophole_present', 'loophole_mandatory', 'instructed', 'unclear')),
  CHECK ("mechanism" IN ('reward_loop', 'simulator_or_program_bug', 'sensor_or_evaluator_deception', 'reward_or_test_tampering', 'proxy_correlation', 'rater_exploitation', 'data_leak_or_shortcut', 'degenerate_minimum', 'other', 'unclear')),
  CHECK ("confidence" IN ('low', 'medium', 'high'))
);

CREATE TABLE "claims" (
  "claim_id" VARCHAR NOT NULL,
  "document" VARCHAR,
  "section" VARCHAR,
  "quantity" VARCHAR NOT NULL,
  "subject" VARCHAR,
  "statistic" VARCHAR NOT NULL,
  "value" DOUBLE,
  "unit" VARCHAR,
  "note" VARCHAR,
  PRIMARY KEY ("claim_id"),
  CHECK ("statistic" IN ('point', 'lower', 'upper'))
);

CREATE TABLE "screening" (
  "source" VARCHAR NOT NULL,
  "records" BIGINT NOT NULL,
  "decision" VARCHAR NOT NULL,
  "reason" VARCHAR,
  "counts_table" VARCHAR,
  "counts_filter" VARCHAR,
  UNIQUE ("source", "decision", "reason"),
  CHECK ("records" >= 0),
  CHECK ("decision" IN ('identified', 'included', 'excluded', 'sought'))
);

CREATE TABLE "arms_unverified" (
  "study_id" VARCHAR NOT NULL,
  "evidence_class" VARCHAR,
  "case_env" VARCHAR NOT NULL,
  "arm_label" VARCHAR,
  "claimed_figure" VARCHAR,
  "n_trials" BIGINT,
  "n_goal_failure" BIGINT,
  "unit_of_trial" VARCHAR,
  "why_unverified" VARCHAR,
  "grade" VARCHAR,
  PRIMARY KEY ("study_id", "case_env"),
  FOREIGN KEY ("study_id") REFERENCES "studies" ("study_id"),
  CHECK ("n_trials" >= 1),
  CHECK ("n_goal_failure" >= 0),
  CHECK ("n_goal_failure" <= "n_trials"),
  CHECK ("n_goal_failure" IS NULL OR "n_trials" IS NOT NULL),
  CHECK ("grade" IN ('A', 'B', 'C', 'D'))
);

CREATE TABLE "rates_without_denominators" (
  "study_id_or_source" VARCHAR NOT NULL,
  "quantity" VARCHAR NOT NULL,
  "printed_value" VARCHAR,
  "what_is_missing" VARCHAR,
  "locator" VARCHAR,
  "grade" VARCHAR,
  PRIMARY KEY ("study_id_or_source", "quantity"),
  CHECK ("grade" IN ('A', 'B', 'C', 'D'))
);

CREATE TABLE "curated_counts" (
  "source" VARCHAR NOT NULL,
  "collection" VARCHAR NOT NULL,
  "n_items" BIGINT,
  "n_positive" BIGINT,
  "positive_definition" VARCHAR,
  "why_not_a_rate" VARCHAR,
  "locator" VARCHAR,
  "grade" VARCHAR,
  PRIMARY KEY ("source", "collection"),
  CHECK ("n_items" >= 1),
  CHECK ("n_positive" >= 0),
  CHECK ("n_positive" <= "n_items"),
  CHECK ("grade" IN ('A', 'B', 'C', 'D'))
);

CREATE TABLE "continuous_outcomes" (
  "study_id" VARCHAR NOT NULL,
  "case_env" VARCHAR NOT NULL,
  "arm_label" VARCHAR NOT NULL,
  "condition_shift" VARCHAR,
  "outcome" VARCHAR NOT NULL,
  "value" DOUBLE NOT NULL,
  "benchmark_value" DOUBLE,
  "ratio" DOUBLE,
  "n_runs" BIGINT,
  "locator" VARCHAR,
  "derivation" VARCHAR,
  "grade" VARCHAR,
  PRIMARY KEY ("study_id", "case_env", "arm_label", "outcome"),
  FOREIGN KEY ("study_id") REFERENCES "studies" ("study_id"),
  CHECK ("n_runs" >= 1),
  CHECK ("grade" IN ('A', 'B', 'C', 'D'))
);
