using Microsoft.Extensions.Logging;
using Slipway.Packaging;

namespace Slipway;

/// <summary>Says how a model is loaded and what it may use.</summary>
public sealed record LanguageModelOptions
{
    internal const int LongestDraft = 64;

    /// <summary>The longest sequence in tokens, prompt and answer together; null for the package's own.</summary>
    /// <remarks>Where the key-value budget holds fewer tokens, a null becomes as many as it holds.</remarks>
    public int? ContextLength { get; set; }

    /// <summary>
    /// Names what runs the model, the preferred one first: <c>cuda</c>, <c>directml</c> or <c>cpu</c>, and of several
    /// devices its number from 0, as in <c>cuda:1</c>.
    /// </summary>
    /// <remarks>
    /// <para>
    /// A program's package decides what there is: <c>Slipway.Cpu</c>, <c>Slipway.Cuda</c> or <c>Slipway.DirectML</c>.
    /// What is named here and is missing, or cannot take the graph, is passed over where another follows, with a
    /// warning in the log; where none follows, loading fails and says why, with <see cref="NotSupportedException"/>.
    /// </para>
    /// <para>
    /// A GPU runs a graph that was made for it ('slipway export --device cuda'). Of a graph that was not, as a plain
    /// .onnx file, it must compute every operator, sizes included, unless <c>cpu</c> follows, which then runs the rest.
    /// </para>
    /// </remarks>
    /// <value>
    /// Null, like <c>auto</c>: the first GPU that is there and for which the package has a graph, else the processor.
    /// </value>
    public IReadOnlyList<string>? ExecutionProviders { get; set; }

    /// <summary>
    /// Options of execution providers by their names, as ONNX Runtime has them: of <c>cuda</c> for example
    /// <c>gpu_mem_limit</c>.
    /// </summary>
    /// <value>None.</value>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>? ExecutionProviderOptions { get; set; }

    /// <summary>Computes the model's logits.</summary>
    /// <value>Null: this library's own engine, over ONNX Runtime.</value>
    /// <remarks>Another one is in the package <c>Slipway.GenAI</c>. Set in code, never from configuration.</remarks>
    public LanguageModelEngine? Engine { get; set; }

    /// <summary>Says what is compared with the manifest as the package is opened.</summary>
    /// <remarks>
    /// <see cref="PackageVerification.Sizes"/> spares a slow disk the reading, and a small device OpenSSL, by which
    /// .NET hashes on Linux.
    /// </remarks>
    /// <value><see cref="PackageVerification.Default"/></value>
    public PackageVerification Verification { get; set; }

    /// <summary>The path, without its ending, of what ONNX Runtime notes of each operator; null for none.</summary>
    internal string? ProfilePath { get; init; }

    /// <summary>Threads that compute, the engine's own included; null for one on each physical core.</summary>
    public int? Threads { get; set; }

    /// <summary>
    /// Tells whether idle compute threads wait actively for the next operator: faster, but uses the cores.
    /// </summary>
    /// <value>true</value>
    public bool AllowSpinning { get; set; } = true;

    /// <summary>
    /// Tells whether the weights move into pages of 2 MiB after loading, where Linux has them to give: decoding reads
    /// all of them for each token. It happens a second later, beside requests, and rounds memory up to whole pages.
    /// </summary>
    /// <value>true</value>
    public bool UseLargePages { get; set; } = true;

    /// <summary>
    /// Tells whether this library's own kernels run the model where the package has a graph for them and the processor
    /// has AVX2 or AdvSimd; otherwise ONNX Runtime's run it.
    /// </summary>
    /// <remarks>
    /// This library's kernels give a token the same logits to the bit whatever runs beside it. ONNX Runtime's do so
    /// among two and more rows or tokens, but compute a single one otherwise: products of 4-bit weights with AVX2
    /// alone, attention with AVX-512 too. So without the kernels even a greedy answer may depend on its company: on
    /// whether anything decodes beside it, and on whether a chunk of its prompt was a single token. Of 20 greedy
    /// answers of an int4 package 8 differed among others from what they were alone; with the kernels none. With float
    /// weights logits agree to 1e-5, and only ties of that size fall otherwise.
    /// </remarks>
    /// <value>true</value>
    public bool UseKernels { get; set; } = true;

    /// <summary>The maximum of sequences in one batch; further requests wait.</summary>
    /// <value>32</value>
    public int MaxBatchSize { get; set; } = 32;

    /// <summary>
    /// The maximum of requests that wait; a further one is refused with <see cref="QueueFullException"/>.
    /// </summary>
    /// <value>256</value>
    public int QueueCapacity { get; set; } = 256;

    /// <summary>
    /// The maximum of bytes of keys and values; null for half of the memory that is free when the model loads, which
    /// all models of the process share that say nothing else.
    /// </summary>
    /// <remarks>
    /// Taken as sequences need them, and given back, but for kept prefixes, when none came for ten seconds. A model
    /// with a number of its own shares nothing, unless <see cref="MemoryBudget"/> says so.
    /// </remarks>
    public long? KeyValueCacheBytes { get; set; }

    /// <summary>Keys and values of several models within one number of bytes.</summary>
    /// <value>
    /// Half of the memory that is free; nothing shared where <see cref="KeyValueCacheBytes"/> is set. What a
    /// <see cref="DraftModel"/> holds counts as its model's, which gives it back first.
    /// </value>
    public MemoryBudget? MemoryBudget { get; set; }

    /// <summary>
    /// The maximum of bytes, within those of <see cref="KeyValueCacheBytes"/>, that keep prefixes of earlier sequences
    /// for prompts with the same prefix; 0 keeps none, null is a quarter of them. Models whose layers carry a state
    /// that is only the last token's (linear attention, state spaces) keep none.
    /// </summary>
    public long? PrefixCacheBytes { get; set; }

    /// <summary>The maximum of prompt tokens computed in one step while no other sequence decodes.</summary>
    /// <value>256</value>
    public int MaxPrefillTokens { get; set; } = 256;

    /// <summary>Clock of deadlines.</summary>
    /// <value>The system's.</value>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>
    /// Log of what a reader should know of the model, as that its faster graph cannot be used.
    /// </summary>
    /// <value>Nowhere.</value>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>
    /// The maximum of tokens to draft where <see cref="GenerationRequest.DraftTokens"/> is null; 0 drafts none.
    /// </summary>
    public int DraftTokens { get; set; }

    /// <summary>
    /// The package of a smaller model with the same tokenizer that drafts where the text itself gives nothing to go
    /// by; null for none. Its drafts are verified, so answers stay the same; where too few are accepted it
    /// pauses.
    /// </summary>
    /// <remarks>
    /// A draft is as long as <see cref="DraftTokens"/> says, or a request's. Its keys and values share the budget
    /// of <see cref="KeyValueCacheBytes"/>: it has as much of that as it needs for as many tokens as the model.
    /// </remarks>
    public string? DraftModel { get; set; }

    /// <summary>The maximum of sequences that decode together while drafts are made.</summary>
    /// <value>2</value>
    /// <remarks>A draft is verified by a run of its own; among many sequences their common step is faster.</remarks>
    public int DraftBatchSize { get; set; } = 2;

    /// <summary>The maximum of prompt tokens computed in one step while other sequences decode.</summary>
    /// <remarks>
    /// As many as take about two and a half of their steps, measured as they run, so that none waits for long. Where a
    /// package has a graph of this library's kernels that can be interrupted, they are more, and others' steps come in
    /// between.
    /// </remarks>
    /// <value>256</value>
    public int MaxMixedPrefillTokens { get; set; } = 256;
}
