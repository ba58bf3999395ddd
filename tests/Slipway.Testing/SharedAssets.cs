using Xunit;

namespace Slipway.Testing;

/// <summary>Finds the reference data that lies beside the repository, and skips a test where it is missing.</summary>
public static class SharedAssets
{
    private static readonly string? Root = Find();

    /// <summary>Tells whether the assets folder was found.</summary>
    public static bool Available => Root is not null;

    /// <summary>The repository's root folder.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>
    /// The path of an asset; skips the running test where the assets folder is missing, or fails it where the
    /// environment variable <c>SLIPWAY_REQUIRE_ASSETS</c> is set, as in CI.
    /// </summary>
    public static string Path(params string[] parts)
    {
        Assert.False(
            Root is null && Environment.GetEnvironmentVariable("SLIPWAY_REQUIRE_ASSETS") is { Length: > 0 },
            "The folder '../shared/assets' beside the repository is missing, and 'SLIPWAY_REQUIRE_ASSETS' asks for "
            + "it.");
        Assert.SkipWhen(Root is null, "The folder '../shared/assets' beside the repository is missing.");
        return System.IO.Path.Combine([Root, .. parts]);
    }

    private static string? Find()
    {
        var folder = System.IO.Path.GetFullPath(System.IO.Path.Combine(FindRepository(), "..", "shared", "assets"));
        return Directory.Exists(folder) ? folder : null;
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Sdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above '{AppContext.BaseDirectory}' holds 'Sdk.sln'.");
    }
}
