using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>Cross entropy of one row of logits. Element types are float, Half and BFloat16; arithmetic is in float32.</summary>
internal static unsafe class LossKernels
{
    // Lanes are summed in single precision over so many elements, and such sums in double: an error does not grow with the vocabulary.
    private const int SumBlock = 2048;

    /// <summary>What there is to know of a row without a gradient.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static RowLoss Loss<TLanes, T>(T* logits, int count, long target)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        float largest = RowSums.Largest<TLanes, T>(logits, count);
        double sum = 0, weighted = 0, total = 0;
        for (int block = 0; block < count; block += SumBlock)
        {
            T* x = logits + block;
            int length = Math.Min(SumBlock, count - block), i = 0;
            TLanes exponentials = default, products = default, plain = default;
            for (; i <= length - TLanes.Count; i += TLanes.Count)
            {
                TLanes value = TLanes.Load(x + i) - TLanes.Create(largest), e = LanesMath.Exp(value);
                exponentials += e;
                products = TLanes.MultiplyAdd(e, value, products);
                plain += value;
            }

            sum += exponentials.Sum();
            weighted += products.Sum();
            total += plain.Sum();
            for (; i < length; i++)
            {
                float value = Element<T>.ToSingle(x[i]) - largest, e = MathF.Exp(value);
                sum += e;
                weighted += e * value;
                total += value;
            }
        }

        // With z = logit − largest: entropy = log Σ e^z − Σ e^z·z / Σ e^z.
        float log = (float)Math.Log(sum), logSum = largest + log;
        return new RowLoss(logSum, logSum - Element<T>.ToSingle(logits[target]), (float)(Math.Log(sum) - (weighted / sum)), (float)((total / count) + largest), IndexOf<TLanes, T>(logits, count, largest));
    }

    /// <summary>Replaces the logits by factor · (softmax − (1 − smoothing)·onehot − smoothing / count).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LossBackward<TLanes, T>(T* logits, int count, long target, in RowLoss loss, float factor, float smoothing)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        float logSum = loss.LogSum, uniform = factor * smoothing / count;
        float atTarget = (factor * (MathF.Exp(-loss.Nll) - (1 - smoothing))) - uniform;
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes.MultiplyAdd(LanesMath.Exp(TLanes.Load(logits + i) - TLanes.Create(logSum)), TLanes.Create(factor), TLanes.Create(-uniform)).Store(logits + i);
        }

        for (; i < count; i++)
        {
            Lanes1.MultiplyAdd(LanesMath.Exp(Lanes1.Load(logits + i) - Lanes1.Create(logSum)), Lanes1.Create(factor), Lanes1.Create(-uniform)).Store(logits + i);
        }

        logits[target] = Element<T>.FromSingle(atTarget);
    }

    // The first of equal ones; the row is searched block by block, since the place of a maximum is not known from the maximum alone.
    private static int IndexOf<TLanes, T>(T* x, int count, float value)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        for (int block = 0; block < count; block += SumBlock)
        {
            int length = Math.Min(SumBlock, count - block);
            if (RowSums.Largest<TLanes, T>(x + block, length) == value)
            {
                for (int i = block; i < block + length; i++)
                {
                    if (Element<T>.ToSingle(x[i]) == value)
                    {
                        return i;
                    }
                }
            }
        }

        return 0;
    }
}
