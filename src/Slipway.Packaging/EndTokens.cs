using System.Text.Json.Nodes;

namespace Slipway.Packaging;

/// <summary>Unites the end tokens that the files of a package made elsewhere name.</summary>
/// <remarks>
/// <c>generation_config.json</c>, <c>config.json</c> and the tokenizer often disagree: a chat template ends its turns
/// with the tokenizer's <c>eos_token</c>, which the other two do not always list.
/// </remarks>
internal static class EndTokens
{
    private const string Key = "eos_token_id";

    public static GenAIConfig Unite(ModelPackage package)
    {
        var tokenizer = TokenizerConfig.Read(package.Path, package.ReadFile);
        int[] ids =
        [
            .. package.Config.Model.EosTokenId.Concat(Ids(package, "generation_config.json"))
                .Concat(Ids(package, "config.json")).Concat(tokenizer.EndTokenId is { } end ? [end] : []).Distinct(),
        ];
        return package.Config with { Model = package.Config.Model with { EosTokenId = ids } };
    }

    private static int[] Ids(ModelPackage package, string name)
    {
        var path = System.IO.Path.Combine(package.Path, name);
        var json = ModelPackage.Read(path, PackageJson.Default.JsonObject);
        return json?[Key] switch
        {
            null => [],
            JsonArray several => [.. several.Select(item => Id(path, item))],
            var one => [Id(path, one)],
        };
    }

    private static int Id(string path, JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out int id) && id >= 0 ? id : throw new PackageException(
            path,
            $"'{Key}' in '{path}' is '{node?.ToJsonString()}'; expected a token id or a list of them. Mend the file.");
}
