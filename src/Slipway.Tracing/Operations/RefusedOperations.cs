using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Members that no graph can express, with the reason and what to do instead.</summary>
internal static class RefusedOperations
{
    private const string Random =
        "Random numbers differ in every run, and a graph repeats itself. Draw them outside and pass them as an input.";

    private const string DataSize =
        "The size of its result depends on the elements of a tensor, which a traced graph cannot express. Use a mask "
        + "with 'torch.where' or 'masked_fill', or a fixed number by 'topk'.";

    private const string Complex =
        "Complex numbers have no form in ONNX here. Write it with real ones, the parts as a last axis of 2.";

    private const string Decomposition =
        "ONNX has no such decomposition or solver. Compute it outside, and pass the result as an input or a buffer.";

    private const string Training = "It belongs to training. Leave it out of 'forward' when the module is exported.";

    private const string Special = "ONNX has no such function. Compute it outside, or say how by 'OnnxOperations.Add'.";

    private const string Strides = "It depends on how memory is laid out. Use 'view', 'narrow' and 'permute'.";

    private const string Quantized = "Tensors quantized by torch have no form here. Export the float module.";

    private const string Refilling =
        "It fills a tensor that is there already. Make a new one by 'torch.zeros' and the like, or use 'fill_'.";

    private const string Losses =
        "This loss has no form here. Return the module's outputs, and compute it outside, or write it out.";

    /// <summary>Reasons that are none where no input decides the result: it is a constant of the graph.</summary>
    public static IReadOnlySet<string> OnlyForInputs { get; } =
        new HashSet<string>(StringComparer.Ordinal) { Special, Decomposition, DataSize, Losses };

    public static IEnumerable<Operation> All =>
    [
        .. Refused(OperationTable.Reading, Tensor(
            "ToScalar", "get_bytes", "set_bytes", "data", "item", "allclose", "Equals", "is_nonzero",
            "ReadCpuBFloat16", "ReadCpuFloat16", "tolist", "save", "WriteBytesToStream",
            "ReadBytesFromStream")),
        .. Refused(Random, Tensor(
            "bernoulli", "bernoulli_", "binomial", "cauchy_", "exponential_", "geometric_", "log_normal_",
            "multinomial", "normal_", "poisson", "rand_like", "rand_out", "randint_like", "randint_out", "randn_like",
            "randn_out", "random_", "randperm_out", "uniform_")),
        .. Refused(Random, "torch._rand", "torch._randn", "torch.randint", "torch.randperm",
            "torch._sample_dirichlet", "torch._standard_gamma", "torch.randint_c32", "torch.randint_c64",
            "functional.fractional_max_pool2d_with_indices", "functional.fractional_max_pool3d_with_indices"),
        .. Refused(DataSize, Tensor(
            "nonzero", "nonzero_as_list", "argwhere", "masked_select", "masked_scatter", "unique",
            "unique_consecutive", "bincount", "histc")),
        .. Refused(DataSize, "torch.histogram", "torch.where", "torch.combinations", "torch.cartesian_prod"),
        .. Refused(Complex, Tensor(
            "stft", "istft", "view_as_complex", "view_as_real", "get_real", "get_imag", "angle")),
        .. Refused(Complex, "torch.complex", "torch.polar"),
        .. Refused(Decomposition, Tensor(
            "cholesky", "cholesky_inverse", "cholesky_solve", "geqrf", "ormqr", "pinverse", "matrix_exp",
            "matrix_power", "logdet")),
        .. Refused(Decomposition, ((string[])[
            "cholesky", "cholesky_ex", "cond", "eig", "eigh", "eigvals", "eigvalsh", "householder_product", "inv",
            "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve", "lstsq", "lu", "lu_factor", "lu_solve",
            "matrix_norm", "matrix_rank", "multi_dot", "pinv", "qr", "slogdet", "solve", "solve_ex",
            "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander",
        ])
            .Select(name => $"linalg.{name}")),
        .. Refused(Decomposition, "torch.lstsq", "torch.lu", "torch.lu_solve", "torch.lu_unpack"),
        .. Refused(Training, Tensor(
            "backward", "set_grad", "set_", "detach_", "squeeze_", "unsqueeze_", "transpose_", "rename_")),
        .. Refused(Special, Tensor(
            "digamma", "erfinv", "i0", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma", "nextafter", "gcd",
            "lcm",
            "frexp", "ldexp", "corrcoef", "cov", "cummax", "cummin", "cumulative_trapezoid", "trapezoid", "isreal",
            "nanmean", "nanmedian", "mode", "nanquantile", "renorm", "vander", "cross", "diagonal_scatter")),
        .. Refused(Special, "torch.block_diag", "torch.logspace", "torch.tril_indices",
            "torch.triu_indices", "torch.kaiser_window", "functional.affine_grid", "functional.max_unpool1d",
            "functional.max_unpool2d", "functional.max_unpool3d"),
        .. Refused(Special, ((string[])[
            "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t",
            "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma", "erfcx", "erfinv",
            "gammainc", "gammaincc", "gammaln", "hermite_polynomial_h", "hermite_polynomial_he", "i0", "i0e", "i1",
            "i1e", "laguerre_polynomial_l", "legendre_polynomial_p", "modified_bessel_i0", "modified_bessel_i1",
            "modified_bessel_k0", "modified_bessel_k1", "multigammaln", "ndtri", "polygamma",
            "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "shifted_chebyshev_polynomial_t",
            "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w",
            "spherical_bessel_j0", "xlog1py", "zeta",
        ]).Select(name => $"special.{name}")),
        .. Refused(Training, "Embedding.set_weight", "EmbeddingBag.set_weight", "functional.avg_pool2d_backward",
            "functional.avg_pool3d_backward", "functional.adaptive_avg_pool3d_backward",
            "functional.upsample_nearest1d_backward", "functional.upsample_nearest2d_backward",
            "functional.upsample_nearest3d_backward", "nn.Embedding_from_pretrained",
            "nn.EmbeddingBag_from_pretrained"),
        .. Refused(Training, ((string[])["RNNCell", "LSTMCell", "GRUCell"]).SelectMany(type => (string[])[
            $"{type}.set_weight_ih", $"{type}.set_weight_hh", $"{type}.set_bias_ih", $"{type}.set_bias_hh"])),
        .. Refused(Refilling, Tensor("zeros", "ones", "full", "empty", "eye", "arange_out", "load")),
        .. Refused(Strides, Tensor("as_strided")),
        .. Refused(Strides, "torch.empty_strided", "torch.frombuffer", "torch.from_file"),
        .. Refused(Quantized, Tensor(
            "_quantize_per_channel", "_quantize_per_tensor", "dequantize", "int_repr", "q_per_channel_scales",
            "q_per_channel_zero_points")),
        .. Refused(Complex, Tensor("to_sparse", "get_SparseIndices", "get_SparseValues")),
        .. Refused(Complex, "torch.sparse_coo_tensor"),
        .. Refused(Losses, ((string[])[
            "cosine_embedding_loss", "ctc_loss", "multi_label_margin_loss", "multi_margin_loss",
            "multilabel_soft_margin_loss", "poisson_nll_loss", "triplet_margin_loss",
            "triplet_margin_with_distance_loss",
        ])
            .Select(name => $"functional.{name}")),
    ];

    private static IEnumerable<string> Tensor(params string[] names) => names.Select(name => $"Tensor.{name}");
}
