using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>One optimizer step over elements; parameters and gradients have any element type, moments are singles.</summary>
internal abstract unsafe class OptimizerKernels
{
    public abstract void Adam<TParameter, TGradient>(TParameter* p, TGradient* g, float* m, float* v, long count, in AdamConstants c)
        where TParameter : unmanaged
        where TGradient : unmanaged;

    public abstract void Lion<TParameter, TGradient>(TParameter* p, TGradient* g, float* m, long count, in LionConstants c)
        where TParameter : unmanaged
        where TGradient : unmanaged;

    /// <summary>Adam over blocks of 8-bit moments, from a block on: each block's moments live as singles only while it is updated.</summary>
    public abstract void Adam8Bit<TParameter, TGradient>(
        TParameter* p, TGradient* g, byte* first, float* firstAbsmax, byte* second, float* secondAbsmax, long count, in AdamConstants c)
        where TParameter : unmanaged
        where TGradient : unmanaged;

    /// <summary>Lion over blocks of 8-bit momentum, from a block on.</summary>
    public abstract void Lion8Bit<TParameter, TGradient>(TParameter* p, TGradient* g, byte* momentum, float* absmax, long count, in LionConstants c)
        where TParameter : unmanaged
        where TGradient : unmanaged;

    /// <summary>Whether no element is NaN or infinite.</summary>
    public abstract bool AreFinite<T>(T* x, long count)
        where T : unmanaged;
}

/// <summary>The loops, compiled for one width.</summary>
internal sealed unsafe class OptimizerKernels<TForm, TLanes> : OptimizerKernels
    where TForm : struct, IVectorForm
    where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Adam<TParameter, TGradient>(TParameter* p, TGradient* g, float* m, float* v, long count, in AdamConstants c)
    {
        AdamConstants constants = c;
        long i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            AdamStep<TLanes, TParameter, TGradient>(p + i, g + i, m + i, v + i, constants);
        }

        for (; i < count; i++)
        {
            AdamStep<Lanes1, TParameter, TGradient>(p + i, g + i, m + i, v + i, constants);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Lion<TParameter, TGradient>(TParameter* p, TGradient* g, float* m, long count, in LionConstants c)
    {
        LionConstants constants = c;
        long i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            LionStep<TLanes, TParameter, TGradient>(p + i, g + i, m + i, constants);
        }

        for (; i < count; i++)
        {
            LionStep<Lanes1, TParameter, TGradient>(p + i, g + i, m + i, constants);
        }
    }

    public override void Adam8Bit<TParameter, TGradient>(
        TParameter* p, TGradient* g, byte* first, float* firstAbsmax, byte* second, float* secondAbsmax, long count, in AdamConstants c)
    {
        const int Block = EightBitState.BlockSize;
        float* m = stackalloc float[Block];
        float* v = stackalloc float[Block];
        for (long start = 0; start < count; start += Block)
        {
            int length = (int)Math.Min(Block, count - start);
            BlockwiseKernels<TForm>.DequantizeBlock(first + start, DynamicMap.Signed, length, *firstAbsmax, m);
            BlockwiseKernels<TForm>.DequantizeBlock(second + start, DynamicMap.Unsigned, length, *secondAbsmax, v);
            Adam(p + start, g + start, m, v, length, c);
            *firstAbsmax++ = BlockwiseKernels<TForm>.QuantizeBlock(m, length, Block, DynamicMap.Signed, first + start);
            *secondAbsmax++ = BlockwiseKernels<TForm>.QuantizeBlock(v, length, Block, DynamicMap.Unsigned, second + start);
        }
    }

    public override void Lion8Bit<TParameter, TGradient>(TParameter* p, TGradient* g, byte* momentum, float* absmax, long count, in LionConstants c)
    {
        const int Block = EightBitState.BlockSize;
        float* m = stackalloc float[Block];
        for (long start = 0; start < count; start += Block)
        {
            int length = (int)Math.Min(Block, count - start);
            BlockwiseKernels<TForm>.DequantizeBlock(momentum + start, DynamicMap.Signed, length, *absmax, m);
            Lion(p + start, g + start, m, length, c);
            *absmax++ = BlockwiseKernels<TForm>.QuantizeBlock(m, length, Block, DynamicMap.Signed, momentum + start);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override bool AreFinite<T>(T* x, long count)
    {
        // x - x is 0 for finite numbers and NaN otherwise, and a NaN stays in the sum.
        TLanes sum = default;
        long i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes value = TLanes.Load(x + i);
            sum += value - value;
        }

        float* lanes = stackalloc float[TLanes.Count];
        sum.Store(lanes);
        float total = 0;
        for (int lane = 0; lane < TLanes.Count; lane++)
        {
            total += lanes[lane];
        }

        for (; i < count; i++)
        {
            float value = Element<T>.ToSingle(x[i]);
            total += value - value;
        }

        return total == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AdamStep<T, TParameter, TGradient>(TParameter* p, TGradient* g, float* m, float* v, AdamConstants c)
        where T : struct, ILanes<T>
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        T gradient = T.Load(g);
        T first = (T.Create(c.Beta1) * T.Load(m)) + (T.Create(c.OneMinusBeta1) * gradient);
        T second = (T.Create(c.Beta2) * T.Load(v)) + ((T.Create(c.OneMinusBeta2) * gradient) * gradient);
        first.Store(m);
        second.Store(v);
        T denominator = (T.Sqrt(second) / T.Create(c.RootCorrection)) + T.Create(c.Epsilon);
        T parameter = (T.Load(p) * T.Create(c.Decay)) - (T.Create(c.StepSize) * (first / denominator));
        parameter.Store(p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LionStep<T, TParameter, TGradient>(TParameter* p, TGradient* g, float* m, LionConstants c)
        where T : struct, ILanes<T>
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        T gradient = T.Load(g);
        T momentum = T.Load(m);
        T direction = (T.Create(c.Beta1) * momentum) + (T.Create(c.OneMinusBeta1) * gradient);
        T parameter = (T.Load(p) * T.Create(c.Decay)) - (T.Create(c.StepSize) * T.Sign(direction));
        parameter.Store(p);
        ((T.Create(c.Beta2) * momentum) + (T.Create(c.OneMinusBeta2) * gradient)).Store(m);
    }
}
