namespace LoraSharp;

/// <summary>How the matrices of a LoRA adapter begin, and what becomes of the base weight.</summary>
public sealed record LoraInit
{
    private LoraInit(LoraInitKind kind) => Kind = kind;

    /// <summary>A uniform with bound 1/√(fan in), B zero (an embedding: A zero, B normal): the adapter begins without effect.</summary>
    public static LoraInit Default { get; } = new(LoraInitKind.Default);

    /// <summary>A and B both random as a fresh layer's: the adapter begins with a random effect.</summary>
    public static LoraInit Random { get; } = new(LoraInitKind.Random);

    /// <summary>A normal with standard deviation 1/r, B zero.</summary>
    public static LoraInit Gaussian { get; } = new(LoraInitKind.Gaussian);

    /// <summary>A and B span orthogonal halves of an orthogonal matrix, so that B·A is zero although neither is (Hao et al.). The rank must be even.</summary>
    public static LoraInit Orthogonal { get; } = new(LoraInitKind.Orthogonal);

    /// <summary>Orthonormal low-rank adaptation (Büyükakyüz 2024): Q and R of the weight, whose product is taken out of the base.</summary>
    public static LoraInit Olora { get; } = new(LoraInitKind.Olora);

    /// <summary>The kind.</summary>
    public LoraInitKind Kind { get; }

    /// <summary>Power iterations of the randomised SVD (PiSSA), or rounds of LoftQ.</summary>
    public int Iterations { get; private init; }

    /// <summary>Settings of EVA, or null.</summary>
    public EvaOptions? Eva { get; private init; }

    /// <summary>Settings of CorDA, or null.</summary>
    public CordaOptions? Corda { get; private init; }

    /// <summary>Principal singular values and vectors (Meng et al. 2024, PiSSA): they move from the base into A and B.</summary>
    /// <param name="fastIterations">0: an exact SVD; more: a randomised one with that many power iterations, much faster for large layers (16 is good).</param>
    public static LoraInit Pissa(int fastIterations = 0) => new(fastIterations == 0 ? LoraInitKind.Pissa : LoraInitKind.PissaFast) { Iterations = fastIterations };

    /// <summary>LoftQ (Li et al. 2023): the base becomes its NF4 rounding, and A and B take up the error.</summary>
    /// <param name="iterations">Rounds of alternating rounding and decomposition.</param>
    public static LoraInit Loftq(int iterations = 1) => new(LoraInitKind.Loftq) { Iterations = iterations };

    /// <summary>Explained variance adaptation (Paischer et al. 2024, EVA): A from the inputs of each layer; see InitializeLora.</summary>
    public static LoraInit FromActivations(EvaOptions? options = null) => new(LoraInitKind.Eva) { Eva = options ?? new EvaOptions() };

    /// <summary>Context-oriented decomposition (Yang et al. 2024, CorDA): weight and covariance of the inputs decide; see InitializeLora.</summary>
    public static LoraInit FromCovariance(CordaOptions? options = null) => new(LoraInitKind.Corda) { Corda = options ?? new CordaOptions() };

    /// <summary>Whether A and B can only be set once data has gone through the model.</summary>
    internal bool NeedsData => Kind is LoraInitKind.Eva or LoraInitKind.Corda;

    /// <summary>Whether the base weight is changed.</summary>
    internal bool ChangesBase => Kind is LoraInitKind.Pissa or LoraInitKind.PissaFast or LoraInitKind.Olora or LoraInitKind.Loftq or LoraInitKind.Corda;

    internal void Validate(LoraConfig config)
    {
        if (Kind == LoraInitKind.Orthogonal && config.RankPattern.Select(p => p.Value).Append(config.R).FirstOrDefault(r => r % 2 != 0) is not 0 and var odd)
        {
            throw config.Invalid($"init is orthogonal and r is {odd}; that initialisation needs an even rank");
        }

        if (Iterations < 0 || (Kind == LoraInitKind.Loftq && Iterations < 1))
        {
            throw config.Invalid($"init has {Iterations} iterations; give at least {(Kind == LoraInitKind.Loftq ? 1 : 0)}");
        }

        if (Eva is { Rho: < 1 })
        {
            throw config.Invalid($"init's rho is {Eva.Rho}; it must be at least 1");
        }
    }
}
