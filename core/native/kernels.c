/* The parts of the UNet's 3x3 blocks that PyTorch has no fast CPU kernel for.
 *
 * 1. Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for Convolutional Neural
 *    Networks" (2016). A 4x4 tile of outputs costs 36 multiplications a channel pair instead of 144:
 *
 *        Y = A' [ sum over channels of (G g G') * (B' d B) ] A
 *
 *    Here are only the transforms B' d B and A' m A of the pictures, and their adjoints for the gradient;
 *    the sums over channels are 36 matrix products, which PyTorch does well.
 * 2. Batch normalisation and the exact GELU in one pass over the memory instead of five.
 *
 * All pictures are (images, height, width, channels), float32, channels a multiple of 8. Eight channels go
 * through every line at once: `v8` is one AVX register, or two or four smaller ones where there is no AVX.
 */

#include <stddef.h>
#include <string.h>

typedef float v8 __attribute__((vector_size(32)));
typedef int i8 __attribute__((vector_size(32)));
#define LANES 8

static inline v8 load(const float *p) { v8 x; memcpy(&x, p, sizeof x); return x; }
static inline void store(float *p, v8 x) { memcpy(p, &x, sizeof x); }

/* Where `condition` holds (all bits set), x, elsewhere y; C has no vector ?: */
static inline v8 select(i8 condition, v8 x, v8 y) {
    i8 a, b;
    memcpy(&a, &x, sizeof a);
    memcpy(&b, &y, sizeof b);
    a = (condition & a) | (~condition & b);
    memcpy(&x, &a, sizeof x);
    return x;
}

static inline v8 at_most(v8 x, float limit) { const v8 l = (v8){0} + limit; return select(x > l, l, x); }
static inline v8 at_least(v8 x, float limit) { const v8 l = (v8){0} + limit; return select(x < l, l, x); }

/* ------------------------------------------------ one-dimensional transforms of 6 or 4 numbers, strided */

/* B': 6 -> 6 */
static inline void b_transposed(const v8 *d, v8 *r, int s) {
    v8 d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s], d4 = d[4 * s], d5 = d[5 * s];
    r[0] = 4 * d0 - 5 * d2 + d4;
    v8 even = d4 - 4 * d2, odd = d3 - 4 * d1;
    r[s] = even + odd;
    r[2 * s] = even - odd;
    even = d4 - d2, odd = 2 * (d3 - d1);
    r[3 * s] = even + odd;
    r[4 * s] = even - odd;
    r[5 * s] = 4 * d1 - 5 * d3 + d5;
}

/* B: 6 -> 6, the adjoint of the above */
static inline void b_plain(const v8 *v, v8 *r, int s) {
    v8 v0 = v[0], v5 = v[5 * s];
    v8 p12 = v[s] + v[2 * s], m12 = v[s] - v[2 * s], p34 = v[3 * s] + v[4 * s], m34 = v[3 * s] - v[4 * s];
    r[0] = 4 * v0;
    r[s] = -4 * m12 - 2 * m34 + 4 * v5;
    r[2 * s] = -5 * v0 - 4 * p12 - p34;
    r[3 * s] = m12 + 2 * m34 - 5 * v5;
    r[4 * s] = v0 + p12 + p34;
    r[5 * s] = v5;
}

/* A': 6 -> 4 */
static inline void a_transposed(const v8 *m, v8 *r, int s) {
    v8 p12 = m[s] + m[2 * s], m12 = m[s] - m[2 * s], p34 = m[3 * s] + m[4 * s], m34 = m[3 * s] - m[4 * s];
    v8 m0 = m[0], m5 = m[5 * s];
    r[0] = m0 + p12 + p34;
    r[s] = m12 + 2 * m34;
    r[2 * s] = p12 + 4 * p34;
    r[3 * s] = m12 + 8 * m34 + m5;
}

/* A: 4 -> 6, the adjoint of the above */
static inline void a_plain(const v8 *y, v8 *r, int s) {
    v8 y0 = y[0], y1 = y[s], y2 = y[2 * s], y3 = y[3 * s];
    v8 even = y0 + y2, odd = y1 + y3;
    r[0] = y0;
    r[s] = even + odd;
    r[2 * s] = even - odd;
    even = y0 + 4 * y2, odd = 2 * y1 + 8 * y3;
    r[3 * s] = even + odd;
    r[4 * s] = even - odd;
    r[5 * s] = y3;
}

/* ------------------------------------------------ Winograd's transforms of whole pictures */

#define FOR_EACH_TILE                                                                    \
    const ptrdiff_t rows = (height + 3) / 4, columns = (width + 3) / 4;                  \
    const ptrdiff_t plane = images * rows * columns * channels; /* of one of the 36 */   \
    for (ptrdiff_t tile = 0; tile < images * rows * columns; tile++)                     \
        for (ptrdiff_t c = 0; c < channels; c += LANES)

#define PLACE                                                                            \
    const ptrdiff_t image = tile / (rows * columns);                                     \
    const ptrdiff_t top = tile / columns % rows * 4, left = tile % columns * 4;

/* x (images, height, width, channels) -> v (36, tiles, channels); zeros around the picture */
void winograd_input(const float *x, float *v, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels) {
    FOR_EACH_TILE {
        PLACE
        v8 d[36];
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                const ptrdiff_t row = top + i - 1, column = left + j - 1;
                const int inside = row >= 0 && row < height && column >= 0 && column < width;
                d[6 * i + j] = inside ? load(x + ((image * height + row) * width + column) * channels + c) : (v8){0};
            }
        for (int j = 0; j < 6; j++) b_transposed(d + j, d + j, 6);
        for (int i = 0; i < 6; i++) b_transposed(d + 6 * i, d + 6 * i, 1);
        for (int k = 0; k < 36; k++) store(v + k * plane + tile * channels + c, d[k]);
    }
}

/* The adjoint: v (36, tiles, channels) -> x, which must be zero: neighbouring tiles overlap and add up. */
void winograd_input_adjoint(const float *v, float *x, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels) {
    FOR_EACH_TILE {
        PLACE
        v8 d[36];
        for (int k = 0; k < 36; k++) d[k] = load(v + k * plane + tile * channels + c);
        for (int j = 0; j < 6; j++) b_plain(d + j, d + j, 6);
        for (int i = 0; i < 6; i++) b_plain(d + 6 * i, d + 6 * i, 1);
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                const ptrdiff_t row = top + i - 1, column = left + j - 1;
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                float *p = x + ((image * height + row) * width + column) * channels + c;
                store(p, load(p) + d[6 * i + j]);
            }
    }
}

/* m (36, tiles, channels) -> y (images, height, width, channels), plus one bias a channel */
void winograd_output(const float *m, const float *bias, float *y, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels) {
    FOR_EACH_TILE {
        PLACE
        v8 d[36], r[24];
        for (int k = 0; k < 36; k++) d[k] = load(m + k * plane + tile * channels + c);
        for (int j = 0; j < 6; j++) a_transposed(d + j, r + j, 6);
        const v8 b = load(bias + c);
        for (int i = 0; i < 4 && top + i < height; i++) {
            v8 line[4];
            a_transposed(r + 6 * i, line, 1);
            for (int j = 0; j < 4 && left + j < width; j++)
                store(y + ((image * height + top + i) * width + left + j) * channels + c, line[j] + b);
        }
    }
}

/* The adjoint: y -> m */
void winograd_output_adjoint(const float *y, float *m, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels) {
    FOR_EACH_TILE {
        PLACE
        v8 d[24], r[36];
        for (int i = 0; i < 4; i++) {
            v8 line[4];
            for (int j = 0; j < 4; j++) {
                const int inside = top + i < height && left + j < width;
                line[j] = inside ? load(y + ((image * height + top + i) * width + left + j) * channels + c) : (v8){0};
            }
            a_plain(line, d + 6 * i, 1);
        }
        for (int j = 0; j < 6; j++) a_plain(d + j, r + j, 6);
        for (int k = 0; k < 36; k++) store(m + k * plane + tile * channels + c, r[k]);
    }
}

/* ------------------------------------------------ many small matrix products */

#define ROWS 6  /* 6 x 16 sums are 12 AVX registers; two of b and one of a fill the other places but one */
#define DEPTH 256 /* of a block, so that what it reads stays in the first two caches */

/* c (6, 16) += a (6, depth) b (depth, 16); a(i, k) lies at a[i * row + k * column] */
static inline __attribute__((always_inline)) void block(
    const float *a, ptrdiff_t row, ptrdiff_t column, const float *b, float *c, ptrdiff_t width, ptrdiff_t depth, int rows, int vectors) {
    v8 sums[ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) sums[i][j] = load(c + i * width + j * LANES);
    for (ptrdiff_t k = 0; k < depth; k++)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sums[i][j] += a[i * row + k * column] * load(b + k * width + j * LANES);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) store(c + i * width + j * LANES, sums[i][j]);
}

/* c (planes, m, n) = a b (planes, k, n); a is (planes, m, k), or (planes, k, m) if `transposed`. n is a multiple of 8. */
void batched_product(const float *a, const float *b, float *c, ptrdiff_t planes, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ptrdiff_t transposed) {
    const ptrdiff_t row = transposed ? 1 : k, column = transposed ? m : 1;
    memset(c, 0, planes * m * n * sizeof *c);
    for (ptrdiff_t plane = 0; plane < planes; plane++, a += m * k, b += k * n, c += m * n)
        for (ptrdiff_t deep = 0; deep < k; deep += DEPTH) {
            const ptrdiff_t depth = k - deep < DEPTH ? k - deep : DEPTH;
            for (ptrdiff_t top = 0; top < m; top += 16 * ROWS)
                for (ptrdiff_t left = 0; left < n; left += 2 * LANES)
                    for (ptrdiff_t i = top; i < m && i < top + 16 * ROWS; i += ROWS) {
                        const float *pa = a + i * row + deep * column, *pb = b + deep * n + left;
                        float *pc = c + i * n + left;
                        const int narrow = n - left < 2 * LANES;
                        if (m - i >= ROWS && !narrow)
                            block(pa, row, column, pb, pc, n, depth, ROWS, 2);
                        else
                            for (ptrdiff_t r = 0; r < ROWS && r < m - i; r++)
                                if (narrow) block(pa + r * row, row, column, pb, pc + r * n, n, depth, 1, 1);
                                else block(pa + r * row, row, column, pb, pc + r * n, n, depth, 1, 2);
                    }
        }
}

/* ------------------------------------------------ batch normalisation and GELU */

/* Phi(u), the normal distribution function, by a rational approximation of erf good to 1e-7 */
static inline v8 normal_cdf(v8 u) {
    const v8 x = at_least(at_most(u * 0.70710678118654752f, 4.0f), -4.0f);
    const v8 s = x * x;
    v8 p = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
    p = p * s - 2.10102402082508e-06f;
    p = p * s - 5.69250639462346e-05f;
    p = p * s - 7.34990630326855e-04f;
    p = p * s - 2.95459980854025e-03f;
    p = p * s - 1.60960333262415e-02f;
    v8 q = s * -1.45660718464996e-05f - 2.13374055278905e-04f;
    q = q * s - 1.68282697438203e-03f;
    q = q * s - 7.37332916720468e-03f;
    q = q * s - 1.42647390514189e-02f;
    return 0.5f + 0.5f * x * p / q;
}

/* phi(u) = exp(-u^2/2) / sqrt(2 pi): 2^k by the exponent's bits, the rest by a polynomial good to 1e-7 */
static inline v8 normal_pdf(v8 u) {
    const v8 x = at_least(-0.5f * u * u, -87.0f);
    const i8 k = __builtin_convertvector(x * 1.44269504088896f - 0.5f, i8); /* truncation: x <= 0, so this rounds */
    const v8 whole = __builtin_convertvector(k, v8);
    const v8 r = x - whole * 0.693359375f + whole * 2.12194440e-4f; /* ln 2 in two parts */
    v8 e = r * 1.9875691500e-4f + 1.3981999507e-3f;
    e = e * r + 8.3334519073e-3f;
    e = e * r + 4.1665795894e-2f;
    e = e * r + 1.6666665459e-1f;
    e = e * r + 5.0000001201e-1f;
    e = e * r * r + r + 1.0f;
    const i8 bits = (k + 127) << 23;
    v8 power;
    memcpy(&power, &bits, sizeof power);
    return e * power * 0.39894228040143f;
}

/* sums (2, channels): of x and of x^2 over all rows; x (rows, channels) */
void moments(const float *x, double *sums, ptrdiff_t rows, ptrdiff_t channels) {
    memset(sums, 0, 2 * channels * sizeof *sums);
    for (ptrdiff_t first = 0; first < rows; first += 128) { /* short sums in float, long ones in double */
        const ptrdiff_t last = first + 128 < rows ? first + 128 : rows;
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            v8 sum = {0}, squares = {0};
            for (ptrdiff_t row = first; row < last; row++) {
                const v8 value = load(x + row * channels + c);
                sum += value;
                squares += value * value;
            }
            for (int lane = 0; lane < LANES; lane++) {
                sums[c + lane] += sum[lane];
                sums[channels + c + lane] += squares[lane];
            }
        }
    }
}

/* y = gelu(scale x + shift) */
void scale_shift_gelu(const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t channels) {
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            const v8 u = load(x + row * channels + c) * load(scale + c) + load(shift + c);
            store(y + row * channels + c, u * normal_cdf(u));
        }
}

/* The gradient at u = scale x + shift: g = dy gelu'(u), and sums (2, channels) of g and of g x */
void gelu_backward(const float *x, const float *dy, const float *scale, const float *shift, float *g, double *sums, ptrdiff_t rows, ptrdiff_t channels) {
    memset(sums, 0, 2 * channels * sizeof *sums);
    for (ptrdiff_t first = 0; first < rows; first += 64) {
        const ptrdiff_t last = first + 64 < rows ? first + 64 : rows;
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            const v8 a = load(scale + c), b = load(shift + c);
            v8 sum = {0}, product = {0};
            for (ptrdiff_t row = first; row < last; row++) {
                const v8 value = load(x + row * channels + c), u = a * value + b;
                const v8 gradient = load(dy + row * channels + c) * (normal_cdf(u) + u * normal_pdf(u));
                store(g + row * channels + c, gradient);
                sum += gradient;
                product += gradient * value;
            }
            for (int lane = 0; lane < LANES; lane++) {
                sums[c + lane] += sum[lane];
                sums[channels + c + lane] += product[lane];
            }
        }
    }
}

/* g <- a g + b x + d, one a, b, d a channel: the gradient of a batch normalisation, in place */
void combine(float *g, const float *x, const float *a, const float *b, const float *d, ptrdiff_t rows, ptrdiff_t channels) {
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            float *p = g + row * channels + c;
            store(p, load(a + c) * load(p) + load(b + c) * load(x + row * channels + c) + load(d + c));
        }
}
