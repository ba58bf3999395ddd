using Microsoft.Extensions.Options;

namespace Slipway;

/// <summary>Checks the options of an embedding generator and tells every error.</summary>
internal sealed class OnnxEmbeddingGeneratorOptionsValidator : IValidateOptions<OnnxEmbeddingGeneratorOptions>
{
    public ValidateOptionsResult Validate(string? name, OnnxEmbeddingGeneratorOptions options)
        => options.Errors() is { Count: > 0 } errors
            ? ValidateOptionsResult.Fail(errors)
            : ValidateOptionsResult.Success;
}
