using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway;

/// <summary>
/// Computes logits for language models. Scheduling, sampling, guidance, chat templates and tool calls are the same over
/// each.
/// </summary>
/// <remarks>
/// <see cref="LanguageModelOptions.Engine"/> chooses one; the package <c>Slipway.GenAI</c> has another than this
/// library's own. Immutable: one object serves any number of models.
/// </remarks>
public abstract class LanguageModelEngine
{
    internal LanguageModelEngine()
    {
    }

    /// <summary>Opens the decoder of a package.</summary>
    /// <param name="package">The package.</param>
    /// <param name="options">Checked options.</param>
    /// <exception cref="NotSupportedException">The engine, or what it runs on, cannot take the package.</exception>
    /// <exception cref="PackageException">A file is missing or damaged.</exception>
    internal abstract OpenedDecoder Open(ModelPackage package, LanguageModelOptions options);
}
