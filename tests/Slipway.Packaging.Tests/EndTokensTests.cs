using Slipway.Testing;

namespace Slipway.Packaging.Tests;

public sealed class EndTokensTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_PackageMadeElsewhere_UnitesTheEndTokensOfAllFiles()
    {
        var path = WriteMadeElsewhere();
        File.WriteAllText(Path.Combine(path, "generation_config.json"), """{"eos_token_id": [3, 4]}""");
        File.WriteAllText(Path.Combine(path, "config.json"), """{"eos_token_id": 5}""");
        File.WriteAllText(Path.Combine(path, "special_tokens_map.json"), """{"eos_token": {"content": "<end>"}}""");
        File.WriteAllText(Path.Combine(path, "added_tokens.json"), """{"<end>": 6}""");
        Assert.Equal([2, 3, 4, 5, 6], ModelPackage.Open(path).Config.Model.EosTokenId);
    }

    [Fact]
    public void Open_PackageOfAnExport_HasTheEndTokensThatItsConfigurationLists()
    {
        var path = PackageSample.Write(_folder);
        File.WriteAllText(Path.Combine(path, "generation_config.json"), """{"eos_token_id": 9}""");
        Assert.Equal([2, 3], ModelPackage.Open(path).Config.Model.EosTokenId);
    }

    [Theory]
    [InlineData("generation_config.json", "\"two\"")]
    [InlineData("config.json", "-1")]
    [InlineData("config.json", "[1, null]")]
    public void Open_EndTokenThatIsNone_NamesTheFile(string name, string value)
    {
        var path = WriteMadeElsewhere();
        File.WriteAllText(Path.Combine(path, name), $$"""{"eos_token_id": {{value}}}""");
        var exception = Assert.Throws<PackageException>(() => ModelPackage.Open(path));
        Assert.Equal(Path.Combine(path, name), exception.Path);
        Assert.EndsWith(
            "expected a token id or a list of them. Mend the file.", exception.Message, StringComparison.Ordinal);
    }

    private string WriteMadeElsewhere()
    {
        var path = PackageSample.Write(_folder);
        File.Delete(Path.Combine(path, ModelPackage.ManifestFile));
        return path;
    }
}
