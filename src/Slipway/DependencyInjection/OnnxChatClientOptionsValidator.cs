using Microsoft.Extensions.Options;

namespace Slipway;

/// <summary>Checks the options of a chat client and tells every error.</summary>
internal sealed class OnnxChatClientOptionsValidator : IValidateOptions<OnnxChatClientOptions>
{
    public ValidateOptionsResult Validate(string? name, OnnxChatClientOptions options)
        => Errors(options) is { Count: > 0 } errors
            ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;

    public static IReadOnlyList<string> Errors(OnnxChatClientOptions options)
    {
        List<string> errors = string.IsNullOrWhiteSpace(options.PackagePath)
            ? ["PackagePath is missing; expected the folder of a package."]
            : [];
        errors.AddRange(OptionsValidation.IdleErrors(options.IdleTimeout));
        errors.AddRange(options.Model is null
            ? ["Model is null; expected options of a model."]
            : OptionsValidation.Errors(options.Model, prefix: "Model."));
        return errors;
    }
}
