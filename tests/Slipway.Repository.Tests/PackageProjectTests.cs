using System.Xml.Linq;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Holds each project that becomes a package to what its page in a feed shows.</summary>
public sealed class PackageProjectTests
{
    private const int MaxDescription = 200;

    public static TheoryData<string> Projects => DependencyTests.Projects;

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_ThatIsPacked_HasADescriptionAndAReadme(string project)
    {
        var folder = Path.Combine(SharedAssets.Repository, "src", project);
        var elements = XDocument.Load(Path.Combine(folder, $"{project}.csproj")).Descendants().ToList();
        Assert.SkipWhen(
            elements.Any(element => element.Name.LocalName == "IsPackable" && !element.HasAttributes
                && element.Value == "false" && elements.Count(other => other.Name.LocalName == "IsPackable") == 1),
            $"'{project}' is no package.");

        var description = elements.SingleOrDefault(element => element.Name.LocalName == "Description")?.Value;
        Assert.False(string.IsNullOrWhiteSpace(description), $"'{project}' has no <Description>.");
        Assert.InRange(description.Length, 20, MaxDescription);
        var readme = File.ReadAllLines(Path.Combine(folder, "README.md"));
        Assert.Equal($"# {project}", readme[0]);
        Assert.True(readme.Length > 2, $"'src/{project}/README.md' says nothing.");
    }
}
