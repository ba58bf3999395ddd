using System.Text.Json.Nodes;
using Slipway.Training.Adapters;
using Slipway.Training.Losses;
using Slipway.Training.Optimization;

namespace Slipway.Training.Recipes;

/// <summary>Describes a training run from its data to the folder that it writes.</summary>
/// <remarks>
/// Immutable. <see cref="RecipeReader"/> reads it from JSON with the same names in snake case; paths in the file are
/// relative to the file's folder, paths here are full.
/// </remarks>
public sealed record Recipe
{
    /// <summary>The run's name, for people.</summary>
    public required string Name { get; init; }

    /// <summary>The folder that the checkpoint is written to.</summary>
    public required string Output { get; init; }

    /// <summary>Seed of weights, corpus and order of the data.</summary>
    public required long Seed { get; init; }

    /// <summary>The number of threads that compute, each a share of a batch's sequences.</summary>
    /// <value>0: as many as the machine has cores. A resumed run equals the first one only with the same
    /// number.</value>
    public int Threads { get; init; }

    /// <summary>The number type of the weights in <c>model.dat</c>; the run itself keeps float32.</summary>
    /// <value>fp32</value>
    public NumberType SavePrecision { get; init; }

    /// <summary>The keys of the model's <c>config.json</c>; <c>vocab_size</c> comes from the tokenizer.</summary>
    /// <value>Empty: the configuration of <see cref="Start"/>.</value>
    public required JsonObject Model { get; init; }

    /// <summary>The checkpoint whose weights the run starts from; null for weights drawn from the seed.</summary>
    public string? Start { get; init; }

    /// <summary>The adapter that is trained beside the frozen weights of <see cref="Start"/>; null where the weights
    /// themselves are.</summary>
    public AdapterConfig? Adapter { get; init; }

    /// <summary>The 4-bit codes that frozen matrices are held in; null for float32.</summary>
    public FrozenType? BaseQuantization { get; init; }

    /// <summary>The checkpoint of the model that stages of the kind <see cref="StageKind.Distill"/> learn
    /// from.</summary>
    public string? Teacher { get; init; }

    /// <summary>Source of the tokenizer.</summary>
    public required TokenizerRecipe Tokenizer { get; init; }

    /// <summary>The chat template's file; null where the data is plain text.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The names of a classifier's labels in the order of their numbers; null for those of
    /// <see cref="Start"/>, or else those of the data.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Source of the data.</summary>
    public required DataRecipe Data { get; init; }

    /// <summary>The stages in their order; at least one.</summary>
    public required IReadOnlyList<StageRecipe> Stages { get; init; }

    /// <summary>Identifies what a run's result depends on, so that no run continues another one's state.</summary>
    public required string Fingerprint { get; init; }
}

/// <summary>Says where the tokenizer comes from: exactly one of the first two is set, or neither for an encoder's
/// start.</summary>
/// <param name="Path">A <c>tokenizer.json</c>.</param>
/// <param name="Train">What a byte-level BPE learns from the run's data.</param>
/// <param name="EndToken">The token that ends the assistant's turn, and a text; empty for that of the start.</param>
/// <param name="StartToken">The token that a trained tokenizer puts before a text, and the end token behind it, as
/// encoders want it; null for neither.</param>
public sealed record TokenizerRecipe(
    string? Path, TokenizerTraining? Train, string EndToken, string? StartToken = null);

/// <summary>Says what a byte-level BPE is trained to be.</summary>
/// <param name="VocabSize">The number of tokens.</param>
/// <param name="SpecialTokens">Tokens that are never split and that decoding leaves out.</param>
/// <param name="AddedTokens">Tokens that are never split but are text.</param>
/// <param name="Pattern">What merges never cross, as a regular expression of pieces; null for GPT-2's.</param>
public sealed record TokenizerTraining(
    int VocabSize, IReadOnlyList<string> SpecialTokens, IReadOnlyList<string> AddedTokens, string? Pattern);

/// <summary>Says where the data comes from: exactly one of the five sources is set.</summary>
/// <param name="Corpus">A grammar that conversations are generated from.</param>
/// <param name="TrainingConversations">How many conversations a corpus generates to train on.</param>
/// <param name="EvaluationConversations">How many held-out conversations a corpus generates to evaluate on.</param>
/// <param name="Conversations">A JSON Lines file of conversations: <c>{"messages": […], "tools": […]}</c>.</param>
/// <param name="Text">A UTF-8 text file.</param>
/// <param name="Evaluation">A held-out file of the same kind as <c>conversations</c>, <c>text</c> or
/// <c>preferences</c>; may be null.</param>
/// <param name="Preferences">A JSON Lines file of prompts with a preferred and a rejected answer:
/// <c>{"prompt": […], "chosen": […], "rejected": […]}</c>.</param>
/// <param name="Mistakes">How the model of the run's start answers the conversations, so that its wrong answers are
/// the rejected ones of preferences; null where it does not.</param>
/// <param name="Examples">A file of examples of an encoder: a JSON object a line, or a table where its name ends in
/// <c>.tsv</c>.</param>
public sealed record DataRecipe(
    string? Corpus, int TrainingConversations, int EvaluationConversations,
    string? Conversations, string? Text, string? Evaluation, string? Preferences = null,
    RolloutRecipe? Mistakes = null, string? Examples = null);

/// <summary>Names what a stage learns.</summary>
public enum StageKind
{
    /// <summary>Every token.</summary>
    Pretrain,

    /// <summary>Words of the assistant.</summary>
    Sft,

    /// <summary>A teacher's distributions over words of the assistant.</summary>
    Distill,

    /// <summary>Preferences, by DPO.</summary>
    Dpo,

    /// <summary>Preferences, by IPO.</summary>
    Ipo,

    /// <summary>Preferences, by SimPO.</summary>
    SimPo,

    /// <summary>Preferences, by ORPO.</summary>
    Orpo,

    /// <summary>Preferences, by KTO.</summary>
    Kto,

    /// <summary>Rewards of answers of its own, by GRPO.</summary>
    Grpo,

    /// <summary>Hidden tokens of texts, by an encoder.</summary>
    MaskedLanguageModel,

    /// <summary>Labels of texts, by an encoder.</summary>
    Classify,

    /// <summary>Labels of words, by an encoder.</summary>
    Tag,

    /// <summary>Vectors of texts that belong together, by an encoder.</summary>
    Embed,
}

/// <summary>Names a number type of weights or of matrix products.</summary>
public enum NumberType
{
    /// <summary>float32</summary>
    Fp32,

    /// <summary>bfloat16</summary>
    Bf16,

    /// <summary>float16; for saving only.</summary>
    Fp16,
}

/// <summary>Names what steps the weights.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW for every parameter.</summary>
    AdamW,

    /// <summary>Muon for matrices, AdamW for the rest.</summary>
    Muon,

    /// <summary>Lion: the sign of the momentum.</summary>
    Lion,

    /// <summary>Adafactor: means of squares by row and column.</summary>
    Adafactor,

    /// <summary>Plain gradient descent.</summary>
    Sgd,
}

/// <summary>Names the 4-bit codes that the matrices of a frozen model are held in.</summary>
public enum FrozenType
{
    /// <summary>NF4: quantiles of the normal distribution.</summary>
    Nf4,

    /// <summary>Whole numbers from -7 to 7.</summary>
    Int4,
}

/// <summary>Describes one stage of a run; each starts with a fresh optimizer.</summary>
public sealed record StageRecipe
{
    /// <summary>Task of the stage.</summary>
    public required StageKind Kind { get; init; }

    /// <summary>The number of optimizer steps; null where <see cref="Epochs"/> counts.</summary>
    public long? Steps { get; init; }

    /// <summary>Number of passes over the data; null where <see cref="Steps"/> counts.</summary>
    public double? Epochs { get; init; }

    /// <summary>The number of sequences that are computed at once.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The most tokens of a sequence; longer ones are cut off.</summary>
    public required int SequenceLength { get; init; }

    /// <summary>Optimizer that steps the weights.</summary>
    /// <value>adamw</value>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>The learning rate at the end of the warm-up.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The course of the learning rate behind the warm-up.</summary>
    /// <value>cosine</value>
    public ScheduleKind Schedule { get; init; }

    /// <summary>The number of falling steps at the end of a warm-up–stable–decay schedule.</summary>
    public long DecaySteps { get; init; }

    /// <summary>Additions to the cross-entropy.</summary>
    public CrossEntropy Loss { get; init; } = CrossEntropy.Plain;

    /// <summary>The loss of preferences; null for stages of other kinds.</summary>
    public PreferenceLoss? Preference { get; init; }

    /// <summary>The loss of a stage of the kind <see cref="StageKind.Distill"/>; null for others.</summary>
    public DistillationLoss? Distillation { get; init; }

    /// <summary>The answers of a stage of the kind <see cref="StageKind.Grpo"/>; null for others.</summary>
    public RolloutRecipe? Rollouts { get; init; }

    /// <summary>The token that stands for a hidden one; null for the tokenizer's <c>[MASK]</c> or
    /// <c>&lt;mask&gt;</c>.</summary>
    public string? MaskToken { get; init; }

    /// <summary>The share of tokens that a stage of the kind <see cref="StageKind.MaskedLanguageModel"/>
    /// hides.</summary>
    /// <value>0.15</value>
    public double MaskShare { get; init; } = 0.15;

    /// <summary>The loss of a stage of the kind <see cref="StageKind.Embed"/>; null for others.</summary>
    public ContrastiveLoss? Contrastive { get; init; }

    /// <summary>The number of evaluations without a better one that end the stage with its best weights.</summary>
    /// <value>0: none do.</value>
    public int Patience { get; init; }

    /// <summary>The learning rate that a falling schedule ends at.</summary>
    public double MinimumLearningRate { get; init; }

    /// <summary>The number of steps that the learning rate rises.</summary>
    public long WarmupSteps { get; init; }

    /// <summary>The weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The largest norm of the gradient.</summary>
    /// <value>1</value>
    public double GradientClip { get; init; } = 1;

    /// <summary>The number of batches of a step.</summary>
    /// <value>1</value>
    public int Accumulation { get; init; } = 1;

    /// <summary>The number type of the matrix products.</summary>
    /// <value>fp32</value>
    public NumberType Precision { get; init; }

    /// <summary>Keeps the inputs of layers alone for their gradients, and computes the rest again.</summary>
    /// <value>false</value>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Prompts that the model continues at each evaluation, for the log: what a user says where the recipe has
    /// a chat template, else the beginnings of texts.</summary>
    public IReadOnlyList<string> Samples { get; init; } = [];

    /// <summary>The most tokens of such a text.</summary>
    /// <value>48</value>
    public int SampleTokens { get; init; } = 48;

    /// <summary>Evaluates every so many steps, and at the stage's end.</summary>
    /// <value>0: at the end only.</value>
    public long EvaluateEvery { get; init; }

    /// <summary>Writes a checkpoint every so many steps, and at the stage's end.</summary>
    /// <value>0: at the end only.</value>
    public long CheckpointEvery { get; init; }
}
