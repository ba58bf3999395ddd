using Microsoft.Extensions.Options;

namespace Slipway;

/// <summary>Checks the options of an embedding generator, a reranker or a classifier and tells every error.</summary>
internal sealed class OnnxEncoderOptionsValidator<TOptions> : IValidateOptions<TOptions>
    where TOptions : OnnxEncoderOptions
{
    public ValidateOptionsResult Validate(string? name, TOptions options)
        => options.Errors() is { Count: > 0 } errors
            ? ValidateOptionsResult.Fail(errors)
            : ValidateOptionsResult.Success;
}
