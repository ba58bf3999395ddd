using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Slipway.Cli.Verbs;

/// <summary>Reads settings of <c>appsettings.json</c> and of the environment.</summary>
internal static class ServeSettings
{
    // No text says them.
    private static readonly Type[] Objects = [typeof(ILoggerFactory), typeof(TimeProvider), typeof(MemoryBudget)];

    /// <summary>Reads a section; what it leaves open stays as it is by default.</summary>
    /// <exception cref="UsageException">A setting is unknown, or its value is of another type.</exception>
    public static T Read<T>(IConfigurationSection section)
        where T : new()
    {
        string[] names =
        [
            .. typeof(T).GetProperties().Where(property => !Objects.Contains(property.PropertyType))
                .Select(property => property.Name),
        ];
        foreach (var given in section.GetChildren().Select(child => child.Key))
        {
            if (!names.Contains(given, StringComparer.OrdinalIgnoreCase))
            {
                throw new UsageException(
                    $"The configuration's '{section.Path}:{given}' is no setting; expected one of "
                    + $"{string.Join(", ", names.Order(StringComparer.Ordinal))}. Look for it in appsettings.json and, "
                    + $"as SLIPWAY_{section.Path}__{given}, in the environment.");
            }
        }

        var settings = new T();
        try
        {
            section.Bind(settings, binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException exception)
        {
            throw new UsageException(exception.Message);
        }

        return settings;
    }
}
