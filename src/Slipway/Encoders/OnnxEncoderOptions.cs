using Slipway.Loading;
using Slipway.Packaging;

namespace Slipway;

/// <summary>Says which package an embedding generator, a reranker or a classifier serves and what it may use.</summary>
public abstract class OnnxEncoderOptions
{
    private protected OnnxEncoderOptions()
    {
    }

    /// <summary>The package folder; relative paths start at the current directory.</summary>
    public string? PackagePath { get; set; }

    /// <summary>The model's name in responses and telemetry.</summary>
    /// <value>The name of the package folder.</value>
    public string? ModelId { get; set; }

    /// <summary>The longest text in tokens; what is longer is cut off, its closing tokens kept.</summary>
    /// <value>What the model's own files say.</value>
    public int? ContextLength { get; set; }

    /// <summary>Threads that compute.</summary>
    /// <value>One on each physical core.</value>
    public int? Threads { get; set; }

    /// <summary>Tells whether idle compute threads wait actively: faster, but uses the cores.</summary>
    /// <value>true</value>
    public bool AllowSpinning { get; set; } = true;

    /// <inheritdoc cref="LanguageModelOptions.ExecutionProviders"/>
    public IReadOnlyList<string>? ExecutionProviders { get; set; }

    /// <inheritdoc cref="LanguageModelOptions.ExecutionProviderOptions"/>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>? ExecutionProviderOptions { get; set; }

    /// <summary>The most tokens computed in one step, padding included; one text always fits.</summary>
    /// <value>4096</value>
    public int MaxBatchTokens { get; set; } = 4096;

    /// <summary>The time without a request after which the model is unloaded; the next one loads it again.</summary>
    /// <value>None: the model stays until its owner is disposed.</value>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>The budget that the model's weights count in, where it includes weights.</summary>
    /// <value>None.</value>
    public MemoryBudget? MemoryBudget { get; set; }

    internal string FullPath => Path.GetFullPath(PackagePath!);

    internal string Name => ModelId ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(FullPath));

    internal LanguageModelOptions ToModelOptions() => new()
    {
        Threads = Threads,
        AllowSpinning = AllowSpinning,
        MemoryBudget = MemoryBudget,
        ExecutionProviders = ExecutionProviders,
        ExecutionProviderOptions = ExecutionProviderOptions,
    };

    /// <summary>Loads a model with the first request, and unloads it as the options say.</summary>
    internal LazyModel<T> Lazy<T>(Type owner, Func<T> load, TimeProvider? time = null)
        where T : class, IDisposable
        => new(owner, load, IdleTimeout, time, budget: MemoryBudget);

    /// <summary>One sentence for each option that has no possible value.</summary>
    internal virtual IReadOnlyList<string> Errors()
    {
        List<string> errors = string.IsNullOrWhiteSpace(PackagePath)
            ? ["PackagePath is missing; expected the folder of a package."]
            : [];
        errors.AddRange(OptionsValidation.Errors(ToModelOptions()));
        Require(errors, nameof(ContextLength), ContextLength);
        Require(errors, nameof(MaxBatchTokens), MaxBatchTokens);
        errors.AddRange(OptionsValidation.IdleErrors(IdleTimeout));
        return errors;
    }

    /// <summary>Checks that the package is there, and of the right kind, without loading it.</summary>
    /// <exception cref="PackageException">A file is missing or malformed, or the package is for something
    /// else.</exception>
    internal virtual void RequirePackage() => EncoderPackage.Open(FullPath, PackageVerification.Sizes);

    /// <summary>A copy, so that later changes have no effect.</summary>
    /// <exception cref="ArgumentException">An option has no possible value; the message names every one.</exception>
    internal T Checked<T>()
        where T : OnnxEncoderOptions
    {
        if (Errors() is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(' ', errors), "options");
        }

        var copy = (T)MemberwiseClone();
        copy.PackagePath = FullPath;
        return copy;
    }

    private protected static void Require(List<string> errors, string name, int? value)
    {
        if (value is < 1 or > 1 << 20)
        {
            errors.Add(FormattableString.Invariant($"{name} is '{value}'; expected from 1 to {1 << 20}."));
        }
    }
}
