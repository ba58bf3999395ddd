using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Slipway;

/// <summary>Registers objects over encoders' packages, and their options.</summary>
internal static class EncoderServices
{
    private const DynamicallyAccessedMemberTypes Constructed =
        DynamicallyAccessedMemberTypes.PublicParameterlessConstructor;

    /// <summary>Adds options by a path.</summary>
    public static Action<OptionsBuilder<TOptions>> Path<TOptions>(string packagePath)
        where TOptions : OnnxEncoderOptions
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        return builder => builder.Configure(options => options.PackagePath = packagePath);
    }

    /// <summary>Adds options by code.</summary>
    public static Action<OptionsBuilder<TOptions>> Code<TOptions>(Action<TOptions> configure)
        where TOptions : OnnxEncoderOptions
    {
        ArgumentNullException.ThrowIfNull(configure);
        return builder => builder.Configure(configure);
    }

    /// <summary>Adds options that are checked when a host starts, with their package, and in any case when they are
    /// first read.</summary>
    public static void AddOptions<[DynamicallyAccessedMembers(Constructed)] TOptions>(
        IServiceCollection services, string name, Action<OptionsBuilder<TOptions>> set)
        where TOptions : OnnxEncoderOptions
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<TOptions>, OnnxEncoderOptionsValidator<TOptions>>());
        services.AddSingleton<IHostedService>(provider => new OnnxEncoderStartup<TOptions>(
            provider.GetRequiredService<IOptionsMonitor<TOptions>>(), name));
        set(services.AddOptions<TOptions>(name).ValidateOnStart());
    }

    /// <summary>Adds a singleton and its options.</summary>
    public static IServiceCollection Add<TService, [DynamicallyAccessedMembers(Constructed)] TOptions>(
        IServiceCollection services, Action<OptionsBuilder<TOptions>> set, Func<TOptions, TService> create)
        where TService : class
        where TOptions : OnnxEncoderOptions
    {
        AddOptions(services, Options.DefaultName, set);
        return services.AddSingleton(provider => create(Get<TOptions>(provider, Options.DefaultName)));
    }

    /// <summary>Adds a singleton under a key, which is also the name of its options.</summary>
    public static IServiceCollection AddKeyed<TService, [DynamicallyAccessedMembers(Constructed)] TOptions>(
        IServiceCollection services, string serviceKey, Action<OptionsBuilder<TOptions>> set,
        Func<TOptions, TService> create)
        where TService : class
        where TOptions : OnnxEncoderOptions
    {
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        AddOptions(services, serviceKey, set);
        return services.AddKeyedSingleton(serviceKey, (provider, _) => create(Get<TOptions>(provider, serviceKey)));
    }

    /// <summary>Reads options by their name.</summary>
    public static TOptions Get<[DynamicallyAccessedMembers(Constructed)] TOptions>(
        IServiceProvider provider, string name)
        => provider.GetRequiredService<IOptionsMonitor<TOptions>>().Get(name);
}
