using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.Tokenizers;
using Slipway.Chat;
using Slipway.Loading;
using Slipway.Packaging;
using Slipway.Telemetry;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Chats with the model of a package through Microsoft.Extensions.AI.</summary>
/// <remarks>
/// Safe for concurrent use; the model's engine serves all requests. Prompts are rendered by the package's own chat
/// template; what messages, tools and results say is text, and gives no control token. Conversations may have any
/// shape: what a template would refuse or leave out is put in a form that it renders. Tool calls and reasoning become
/// contents of their own, whole calls only; tools are not run here, put <c>UseFunctionInvocation()</c> around the
/// client for that. Options that cannot be honoured are refused with <see cref="NotSupportedException"/>, never
/// ignored; values that cannot be with <see cref="ArgumentException"/>.
/// </remarks>
public sealed class OnnxChatClient : IChatClient, IAsyncDisposable
{
    private readonly LazyModel<IChatModel> _source;
    private readonly ChatClientMetadata _metadata;
    private readonly TimeProvider _time;
    private readonly OnnxChatRequestOptions _defaults;
    private readonly ILogger _logger;
    private int _hasDescribedTools;

    /// <summary>Creates a client that loads its package with the first request and disposes it with itself.</summary>
    /// <param name="packagePath">The package folder.</param>
    public OnnxChatClient(string packagePath)
        : this(new OnnxChatClientOptions { PackagePath = packagePath })
    {
    }

    /// <summary>Creates a client that loads its package with the first request and disposes it with itself.</summary>
    /// <param name="options">The package and what may be used for it; later changes have no effect.</param>
    /// <param name="timeProvider">Tells the time for responses and templates; null for the system's.</param>
    /// <exception cref="ArgumentException">An option is missing or out of range; the message names every
    /// one.</exception>
    public OnnxChatClient(OnnxChatClientOptions options, TimeProvider? timeProvider = null)
        : this(
            LanguageModelChat.SourceOf(options, timeProvider), LanguageModelChat.IdOf(options), timeProvider, options)
    {
    }

    /// <summary>Creates a client over a model that the caller has loaded and disposes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="modelId">The model's name in responses; null for the package's.</param>
    /// <param name="timeProvider">Tells the time for responses and templates; null for the system's.</param>
    public OnnxChatClient(LanguageModel model, string? modelId = null, TimeProvider? timeProvider = null)
        : this(
            new LazyModel<IChatModel>(new LanguageModelChat(model, ChatFormatOptions.None)),
            modelId ?? model.Package.Name,
            timeProvider)
    {
    }

    internal OnnxChatClient(
        LazyModel<IChatModel> source, string modelId, TimeProvider? timeProvider,
        OnnxChatClientOptions? options = null)
    {
        _source = source;
        _defaults = new()
        {
            Adapter = options?.Adapter,
            GuideToolCalls = options?.GuideToolCalls,
            DescribeTools = options?.DescribeTools,
        };
        _logger = options?.Model.LoggerFactory?.CreateLogger<OnnxChatClient>() ?? (ILogger)NullLogger.Instance;
        _metadata = new("onnx", providerUri: null, modelId);
        _time = timeProvider ?? TimeProvider.System;
    }

    private string ModelId => _metadata.DefaultModelId!;

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default)
        => GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatMessage[] list = [.. messages];
        TemplateMessages.Validate(list);

        // Callers may change theirs while the answer is still to be read.
        var request = options?.Clone();
        return ChatTracing.TraceAsync(
            StreamAsync(list, request, cancellationToken), ModelId, request, cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Answers <see cref="ChatClientMetadata"/>, <see cref="LanguageModel"/>, its <see cref="ModelPackage"/> and
    /// <see cref="HuggingFaceTokenizer"/>, and the client itself. A model that is not loaded yet is loaded.
    /// </remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
        {
            return null;
        }

        if (serviceType == typeof(ChatClientMetadata))
        {
            return _metadata;
        }

        if (serviceType.IsInstanceOfType(this))
        {
            return this;
        }

        return IsPartOfModel(serviceType) ? Parts().FirstOrDefault(serviceType.IsInstanceOfType) : null;
    }

    /// <summary>Disposes the model where this client loaded it; a model that it was given is left alone.</summary>
    public void Dispose() => _source.Dispose();

    /// <summary>Disposes the model where this client loaded it, and waits for a load that is under way.</summary>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

    /// <summary>Tells whether the model is loaded, without loading it.</summary>
    public bool IsLoaded => _source.Current is { IsCompletedSuccessfully: true };

    /// <summary>Loads the model, which the first request would do otherwise.</summary>
    /// <param name="cancellationToken">Ends the waiting; the load goes on for those who still want it.</param>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The package is of another kind.</exception>
    /// <exception cref="ArgumentException">The model needs more memory than is free.</exception>
    /// <exception cref="ObjectDisposedException">The client is disposed.</exception>
    public async Task LoadAsync(CancellationToken cancellationToken = default)
        => (await _source.UseAsync(cancellationToken).ConfigureAwait(false)).Dispose();

    /// <summary>Holds the model, loaded where it is not yet: it is not unloaded while the lease lasts.</summary>
    /// <remarks>For work beside the chat, such as tokenizing or adapters, on a client with an idle time.</remarks>
    /// <param name="cancellationToken">Ends the waiting; the load goes on for those who still want it.</param>
    /// <returns>The lease, which the caller disposes.</returns>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The package is of another kind.</exception>
    /// <exception cref="ArgumentException">The model needs more memory than is free.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for its weights.</exception>
    /// <exception cref="ObjectDisposedException">The client is disposed.</exception>
    public async Task<LanguageModelLease> LeaseModelAsync(CancellationToken cancellationToken = default)
    {
        var use = await _source.UseAsync(cancellationToken).ConfigureAwait(false);
        return new LanguageModelLease(((LanguageModelChat)use.Model).Model, use);
    }

    /// <summary>Tells how the client is, without loading anything.</summary>
    /// <param name="failureStatus">The status of a failure.</param>
    internal HealthCheckResult Health(HealthStatus failureStatus)
    {
        var load = _source.Current;
        var model = load is { IsCompletedSuccessfully: true } ? (load.Result as LanguageModelChat)?.Model : null;
        Dictionary<string, object> data = new() { ["model"] = ModelId, ["loaded"] = model is not null };
        if (model is not null)
        {
            (data["queued"], data["kv_bytes"]) = (model.Queued, model.KeyValueBytes);
        }

        return _source.IsDisposed
            ? new(failureStatus, $"The client of '{ModelId}' is disposed.", data: data)
            : load is { IsFaulted: true }
            ? new(failureStatus, $"The model '{ModelId}' could not be loaded.", load.Exception!.InnerException, data)
            : model is { IsQueueFull: true }
            ? HealthCheckResult.Degraded($"The queue of '{ModelId}' is full.", data: data)
            : HealthCheckResult.Healthy(data: data);
    }

    private static bool IsPartOfModel(Type type)
        => type == typeof(LanguageModel) || type == typeof(ModelPackage) || type == typeof(HuggingFaceTokenizer)
            || type == typeof(Tokenizer);

    private IEnumerable<object> Parts()
    {
        using var use = _source.Use();
        return use.Model is LanguageModelChat { Model: var model } ? [model, model.Package, model.Tokenizer] : [];
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        ChatMessage[] messages,
        ChatOptions? options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = ChatOptionsMapper.Merge(options, this, ModelId);
        request = request with
        {
            GuideToolCalls = request.GuideToolCalls ?? _defaults.GuideToolCalls,
            DescribeTools = request.DescribeTools ?? _defaults.DescribeTools,
            Adapter = request.Adapter ?? _defaults.Adapter,
        };
        using var use = await _source.UseAsync(cancellationToken).ConfigureAwait(false);
        var model = use.Model;

        // Rendering and encoding a long history takes a while; the caller's thread does not wait for it.
        var turn = await Task.Run(
            () => ChatPromptBuilder.Build(
                request.ChatTemplate is { } template ? model.WithTemplate(template) : model,
                messages, options, request, ModelId, _time, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        if (turn.DescribedFormat is { } format && Interlocked.Exchange(ref _hasDescribedTools, 1) == 0)
        {
            ChatLog.ToolsDescribed(_logger, ModelId, format);
        }

        var answer = new ChatResponseUpdateBuilder(turn, options, ModelId, _time.GetUtcNow());

        await foreach (var token in model.GenerateAsync(turn.Request, cancellationToken).ConfigureAwait(false))
        {
            if (answer.Append(token) is { } update)
            {
                yield return update;
            }

            if (answer.IsFinished)
            {
                break;
            }
        }

        foreach (var update in answer.Complete())
        {
            yield return update;
        }
    }
}
